"""recommendation.json: what to run, for those who take it away (`serving`), with what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.files import write_text
from analysis.findings.assessment import Assessment
from analysis.findings.plain import plain
from analysis.findings.recommend import Recommendation
from analysis.findings.slices import same_as, score_column
from analysis.rows.types import LATENCY_CI
from analysis.statistics.intervals import Ratio
from analysis.words.confirmation import sentences
from search_spaces.axes import AXES
from trainables.rows.digests import Digests
from trainables.rows.recommendation import Confirmed, Measured, Recommended, Saving, recommendation_text

NOT_SCORED = "no accuracy is known, so nothing is recommended"
NOTHING_CHEAPER = "nothing cheaper than the baseline is known to be as accurate"


def save(assessments: Sequence[Assessment], file: Path) -> None:
    """Write the answers, one per comparison."""
    write_text(file, recommendation_text([recommended(one) for one in assessments]))


def recommended(assessment: Assessment) -> Recommended:
    """The answer of one comparison as plain values."""
    r, fresh, common = assessment.recommendation.value, assessment.confirmation.value, assessment.common
    chosen = None if r is None else r.choice
    trial = None if chosen is None else trial_of(assessment, chosen)
    choice = baseline = None
    if r is not None:
        known = r.baseline if fresh is None else fresh.baseline
        baseline = _measured(assessment, known, trial_of(assessment, r.baseline))
    if chosen is not None and trial is not None:
        choice = _measured(assessment, chosen if fresh is None else fresh.choice, trial)
    confirmed, because = _confirmed(assessment)
    digests = {name: None if trial is None else _text(trial.get(name)) for name in Digests.__dataclass_fields__}
    return Recommended(
        heading=assessment.heading,
        run="" if trial is None else str(trial.get("run", "")),
        choice=choice,
        baseline=baseline,
        reason=_reason(assessment, r),
        saving=None if r is None or r.saving is None else _saving(assessment, r.saving),
        confirmed=confirmed,
        confirmed_because=because,
        scored_by=score_column(assessment.table),
        tolerance=assessment.tolerance,
        verdict=None if chosen is None else _text(chosen["verdict"]),
        verdict_among_many=None if chosen is None else _text(chosen["verdict_among_many"]),
        examples=None if r is None else r.examples,
        card=_text(common.get("gpu_name")),
        energy_source=_text(common.get("energy_source")),
        estimated=assessment.estimated,
        **digests,
    )


def trial_of(assessment: Assessment, row: pd.Series) -> pd.Series:
    """The trial that stands for a configuration: the first of the seed whose fresh trials there are, else of the first
    seed, whatever it came out at."""
    own, fresh = same_as(assessment.clean, row, AXES), assessment.confirmation.value
    if fresh is not None and (own["seed"] == fresh.seed).any():
        own = own[own["seed"] == fresh.seed]
    return own.sort_values(["seed", "replicate"], kind="stable").iloc[0]


def _reason(assessment: Assessment, r: Recommendation | None) -> str:
    if r is None:
        return assessment.recommendation.problem
    if r.choice is not None:
        return ""
    return NOTHING_CHEAPER if r.scored else NOT_SCORED


def _confirmed(assessment: Assessment) -> tuple[Confirmed, str]:
    """By the fresh trials of what is recommended: "no" where they leave open whether anything is saved."""
    part = assessment.confirmation
    if part.value is None:
        return "absent", part.problem or "no fresh trials were measured"
    return "yes" if part.value.saving.low > 1 else "no", " ".join(sentences(part))


def _saving(assessment: Assessment, saving: Ratio) -> Saving:
    """Of the fresh trials; without them no interval: the cheapest of many came out low."""
    fresh = assessment.confirmation.value
    if fresh is None:
        return Saving(saving.value, None, None, "not confirmed")
    found = fresh.saving
    return Saving(found.value, plain(found.low), plain(found.high), found.kind)


def _measured(assessment: Assessment, row: pd.Series, trial: pd.Series) -> Measured:
    score = score_column(assessment.table)
    names = ("task", "model", "seed", *AXES)
    return Measured(
        trial=str(trial["trial_id"]),
        configuration={name: _whole(plain(trial[name])) for name in names if name in trial},
        energy_j_per_example=float(row["energy_j_per_example"]),
        energy_j_per_example_ci95=plain(row["energy_j_per_example_ci95"]),
        latency_ms_per_example=plain(row["latency_ms_per_example"]),
        latency_ms_per_example_ci95=plain(row[LATENCY_CI]) if LATENCY_CI in row else None,
        score=None if score is None else plain(row[score]),
    )


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> str | None:
    found = plain(value)
    return None if found is None else str(found)
