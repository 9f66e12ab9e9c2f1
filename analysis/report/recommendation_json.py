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
    r, common = assessment.recommendation.value, assessment.common
    choice = None if r is None else r.choice
    confirmed, because = _confirmed(assessment)
    trial = None if choice is None else trial_of(assessment, choice)
    digests = {name: None if trial is None else _text(trial.get(name)) for name in Digests.__dataclass_fields__}
    return Recommended(
        heading=assessment.heading,
        run="" if trial is None else str(trial.get("run", "")),
        choice=None if choice is None or trial is None else _measured(assessment, choice, trial),
        baseline=None if r is None else _measured(assessment, r.baseline, trial_of(assessment, r.baseline)),
        reason=_reason(assessment, r),
        saving=None if r is None or r.saving is None else _saving(assessment, r.saving),
        confirmed=confirmed,
        confirmed_because=because,
        scored_by=score_column(assessment.table),
        tolerance=assessment.tolerance,
        verdict=None if choice is None else _text(choice["verdict"]),
        verdict_among_many=None if choice is None else _text(choice["verdict_among_many"]),
        examples=None if r is None else r.examples,
        card=_text(common.get("gpu_name")),
        energy_source=_text(common.get("energy_source")),
        estimated=assessment.estimated,
        **digests,
    )


def trial_of(assessment: Assessment, row: pd.Series) -> pd.Series:
    """The trial that stands for a configuration: the first of the first seed, whatever it came out at."""
    own = same_as(assessment.clean, row, AXES)
    return own.sort_values(["seed", "replicate"], kind="stable").iloc[0]


def _reason(assessment: Assessment, r: Recommendation | None) -> str:
    if r is None:
        return assessment.recommendation.problem
    if r.choice is not None:
        return ""
    return NOTHING_CHEAPER if r.scored else NOT_SCORED


def _confirmed(assessment: Assessment) -> tuple[Confirmed, str]:
    return "absent", "no fresh trials were measured"


def _saving(assessment: Assessment, saving: Ratio) -> Saving:
    return Saving(saving.value, plain(saving.low), plain(saving.high), saving.kind)


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
