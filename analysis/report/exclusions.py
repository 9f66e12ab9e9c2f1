"""What was left out of a page's fits and frontiers, and which flags its trials carry."""

from __future__ import annotations

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.configurations import valid
from analysis.findings.trials import trials_of
from analysis.report.cells import Table, text_table
from analysis.words.rounding import count_of
from trainables.rows.flags import FLAGS, invalid_among, split_flags


def left_out(assessment: Assessment, rows: pd.DataFrame) -> str:
    """How many trials of this comparison are not in it, and why; "" where none is missing. `rows`: all."""
    own = trials_of(assessment.clean, rows)
    missing = own[~own.index.isin(assessment.clean.index)]
    if missing.empty:
        return ""
    reasons = valid(missing)[1]["reason"].str.split(":").str[0].value_counts()
    spelled = "; ".join(f"{n} with {_reason_words(str(r))}" for r, n in reasons.head(4).items())
    return f"Left out: {len(missing)} of {count_of(len(own), 'trials')}. {spelled}."


def flag_table(rows: pd.DataFrame) -> Table:
    """Every flag that a trial carries: how many trials, what it means, what follows."""
    counts: dict[str, int] = {}
    for text in rows["flags"].fillna(""):
        for name in split_flags(text):
            counts[name] = counts.get(name, 0) + 1
    return text_table(
        [
            {
                "Flag": flag_words(name),
                "Trials": f"all {count}" if count == len(rows) else f"{count} of {len(rows)}",
                "Meaning": FLAGS[name].rule if name in FLAGS else "not a flag this version knows",
                "Effect": "energy excluded" if invalid_among(name) else "kept, with this caveat",
            }
            for name, count in sorted(counts.items(), key=lambda item: -item[1])
        ]
    )


def exclusion_table(excluded: pd.DataFrame, limit: int = 200) -> Table:
    """Trials outside fits and frontiers, with the reason."""
    heads = {"trial_id": "Trial", "status": "Status", "reason": "Reason"}
    shown = excluded.head(limit)
    rows = [
        {head: "" if pd.isna(row[name]) else str(row[name]) for name, head in heads.items()}
        for row in shown.to_dict("records")
    ]
    note = f"{limit} of {len(excluded)}; results.csv has all." if len(excluded) > limit else ""
    return text_table(rows, note)


def flag_words(name: str) -> str:
    """ "interval_not_reached" -> "interval not reached"."""
    return name.replace("_", " ")


def shared_flags(rows: pd.DataFrame) -> list[str]:
    """Flags that every trial carries: said once, not in every row."""
    first, *others = [str(text).split(";") for text in rows["flags"].unique()] or [[]]
    return [f for f in first if f and all(f in other for other in others)]


def _reason_words(reason: str) -> str:
    """ "flag short_window" with the flag's rule; the name of an unknown flag as it is."""
    if reason.startswith("unknown flag "):
        return reason
    name = reason.removeprefix("flag ")
    if name not in FLAGS:
        return flag_words(reason)
    return f"{reason.replace(name, flag_words(name))} ({FLAGS[name].rule})"
