"""The cheapest configuration that is not worse than the baseline: tested, with its saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.findings.configurations import configuration_columns
from analysis.findings.noninferiority import Judgement, judge
from analysis.findings.plain import plain
from analysis.findings.slices import same_as, score_column
from analysis.findings.verdict import NOT_WORSE
from analysis.statistics.intervals import Ratio, ratio
from analysis.statistics.multiplicity import examples_needed
from analysis.statistics.paired import smallest_tolerance
from search_spaces.axes import AXES
from search_spaces.objectives import TOLERANCE


@dataclass(frozen=True)
class Recommendation:
    """What to run, and how far it is known. Rows are rows of `table`, which is `Judgement.table`."""

    baseline: pd.Series
    choice: pd.Series | None  # None where nothing cheaper is known not to be worse, corrected for all that was compared
    tolerance: float
    table: pd.DataFrame
    saving: Ratio | None  # baseline's energy over the choice's
    candidate: pd.Series | None  # cheaper still, and passes alone but not corrected: to be confirmed on fresh examples
    examples: int | None
    smallest_tolerance: float | None  # that so many examples can show
    examples_needed: int | None  # for one that answers as the baseline does to pass; None where not paired
    tested: int  # configurations beside the baseline
    hypotheses: int  # different predictions among the cheaper ones
    paired: bool
    estimated: bool
    runners_up: pd.DataFrame  # axis, and the cheapest "not worse" row with another value on that axis
    single_axis: pd.DataFrame  # axis, and the cheapest "not worse" row that changes only that axis of the baseline
    cheapest: pd.Series  # of all, whatever its accuracy
    better: pd.Series | None  # the most accurate that surely beats the baseline by more than the tolerance
    folders: dict[str, Path]  # run folders by the names that `run` holds, as far as they are known

    @property
    def scored(self) -> bool:
        """Some configuration's accuracy is known: it is not where the weights are random."""
        return score_column(self.table) is not None

    @property
    def reference(self) -> pd.Series:
        """What is to be run: the choice, or the baseline where there is none."""
        return self.baseline if self.choice is None else self.choice

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where unknown."""
        return {
            "baseline": _summary(self.baseline),
            "choice": None if self.choice is None else _summary(self.choice),
            "candidate": None if self.candidate is None else _summary(self.candidate),
            "tolerance": self.tolerance,
            "smallest_tolerance": self.smallest_tolerance,
            "examples": self.examples,
            "examples_needed": self.examples_needed,
            "tested": self.tested,
            "paired": self.paired,
            "estimated": self.estimated,
            "saving": None if self.saving is None else {k: plain(v) for k, v in asdict(self.saving).items()},
        }


def recommend(
    rows: pd.DataFrame, baseline: Mapping[str, Any] | None = None, tolerance: float = TOLERANCE
) -> Recommendation:
    """The cheapest configuration not worse than `baseline` by more than `tolerance` (a fraction of 1), corrected for
    having compared all the cheaper ones.

    `rows` are trials of `analysis.rows.load`, of one task, card and sensor; invalid ones are left out here. `baseline`
    fixes columns ({"precision": "fp32", "max_seq_len": 128}); see `find_baseline` for the rest.

    Raises CannotAnswer and UsageError as `judge` does.
    """
    judged = judge(rows, baseline, tolerance)
    table, base = judged.table, judged.baseline
    by_energy = table.sort_values(["energy_j_per_example", "p_corrected"], kind="stable")
    saves = by_energy["energy_j_per_example"] < base["energy_j_per_example"]
    cheaper = by_energy[saves & (by_energy["verdict_among_many"] == NOT_WORSE)]
    choice = _first(cheaper)
    alone = _first(by_energy[saves & (by_energy["verdict"] == NOT_WORSE)])
    reference = base if choice is None else choice
    return Recommendation(
        baseline=base,
        choice=choice,
        tolerance=tolerance,
        table=table,
        saving=None if choice is None else ratio(base, choice),
        candidate=None if alone is None or (choice is not None and alone.name == choice.name) else alone,
        examples=judged.examples,
        smallest_tolerance=_smallest_tolerance(judged),
        examples_needed=examples_needed(judged.hypotheses, tolerance) if judged.paired and judged.hypotheses else None,
        tested=len(table) - 1,
        hypotheses=judged.hypotheses,
        paired=judged.paired,
        estimated=bool(table["estimated"].any()),
        runners_up=_runners_up(cheaper, reference),
        single_axis=_single_axis(cheaper, base),
        cheapest=by_energy.iloc[0],
        better=_better(table, tolerance),
        folders={name: Path(folder) for name, folder in rows.attrs.get("folders", {}).items()},
    )


def _smallest_tolerance(judged: Judgement) -> float | None:
    if not judged.examples:
        return None
    score = judged.baseline[score_column(judged.table) or "accuracy"]
    if judged.paired:
        return smallest_tolerance(judged.examples)
    return None if pd.isna(score) else smallest_tolerance(judged.examples, float(score))


def _first(table: pd.DataFrame) -> pd.Series | None:
    return table.iloc[0] if len(table) else None


def _better(table: pd.DataFrame, tolerance: float) -> pd.Series | None:
    surely = table[table["accuracy_difference_low"] > tolerance]
    return None if surely.empty else surely.iloc[int(surely["accuracy_difference"].argmax())]


def _runners_up(cheaper: pd.DataFrame, choice: pd.Series) -> pd.DataFrame:
    others = {axis: cheaper[cheaper[axis].notna() & (cheaper[axis] != choice[axis])] for axis in AXES}
    return _first_of_each(others, cheaper)


def _single_axis(cheaper: pd.DataFrame, base: pd.Series) -> pd.DataFrame:
    alike = {axis: same_as(cheaper, base, [a for a in AXES if a != axis]) for axis in AXES}
    return _first_of_each(alike, cheaper)


def _first_of_each(found: Mapping[str, pd.DataFrame], like: pd.DataFrame) -> pd.DataFrame:
    """axis, and the first row of its table, where it has one."""
    rows = [{"axis": axis, **part.iloc[0]} for axis, part in found.items() if len(part)]
    return pd.DataFrame(rows, columns=["axis", *like.columns])


def _summary(row: pd.Series) -> dict[str, Any]:
    names = [*configuration_columns(), "energy_j_per_example", "accuracy", "verdict"]
    return {name: plain(row[name]) for name in names if name in row}
