"""Several tasks measured alike: one assessment per task, all on one kind of card, by one sensor, with one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.assessment import Assessment, assessments
from analysis.findings.configurations import is_estimated, valid
from analysis.findings.part import attempt
from analysis.findings.per_token import PerToken, per_token
from analysis.findings.regime import RegimeEnd, regime_ends
from analysis.rows.cards import level_cards
from analysis.rows.load import load, load_anchors, load_finetune
from search_spaces.axes import reducing_axes
from search_spaces.errors import UsageError
from search_spaces.objectives import TOLERANCE
from search_spaces.trial_config import model_slug


@dataclass(frozen=True)
class TaskResult:
    """One task: its assessment, and where its stable regime ends on each axis (empty where the score is not known)."""

    name: str
    assessment: Assessment
    ends: dict[str, list[RegimeEnd]]  # "max_seq_len", "depth"

    @property
    def scored(self) -> bool:
        """Configurations were compared with the baseline in their score."""
        return bool(self.ends)

    @property
    def baseline(self) -> pd.Series | None:
        found = self.assessment.recommendation.value
        return None if found is None else found.baseline


@dataclass(frozen=True)
class Comparison:
    """The tasks in the order of the runs, and what their energies say about each other."""

    tasks: list[TaskResult]
    card: str
    energy_source: str
    estimated: bool
    model: str
    per_token: list[PerToken]
    tolerance: float
    rows: pd.DataFrame
    excluded: pd.DataFrame
    notes: list[str]  # what could not be compared or read, a sentence each


def compare(
    paths: Sequence[str | Path], tolerance: float = TOLERANCE, *, columns: dict[str, str] | None = None
) -> Comparison:
    """Load runs of several tasks and compare them.

    Raises UsageError where they hold fewer than two tasks, or differ in card, source of energy or model.
    """
    rows = load(*paths, columns=columns)
    rows["model"] = [model_slug(m) if isinstance(m, str) else m for m in rows["model"]]  # a path differs by machine
    _refuse_mixtures(rows)
    anchors = attempt("The anchors", lambda: load_anchors(*paths))
    tuned = attempt("The fine-tunings", lambda: load_finetune(*paths))
    notes = [*rows.attrs.get("notes", []), *(part.problem for part in (anchors, tuned) if part.problem)]
    levelled, said = level_cards(rows, _slugged(anchors.value))
    notes += said.values()
    found = assessments(
        levelled, tolerance=tolerance, rng=np.random.default_rng(0), bootstrap=False, finetune=_slugged(tuned.value)
    )
    chosen, left = _one_per_task(found)
    notes += left
    tasks = []
    for name in dict.fromkeys(rows["task"]):
        if name in chosen:
            tasks.append(_task(name, chosen[name]))
        else:
            notes.append(f"{name} has no trial with a valid energy, so it is not compared.")
    if len(tasks) < 2:
        names = ", ".join(t.name for t in tasks) or "none"
        raise CannotAnswer(
            f"At least two tasks with a valid energy are needed, but there is {names}. {' '.join(notes)}"
        )
    notes += [f"The score of {t.name} is not known, so only its energy is compared." for t in tasks if not t.scored]
    compared, missing = per_token({t.name: t.assessment.table for t in tasks})
    first = tasks[0].assessment
    return Comparison(
        tasks=tasks,
        card=first.card,
        energy_source=str(first.common.get("energy_source")),
        estimated=first.estimated,
        model=str(first.common.get("model") or "an unnamed model"),
        per_token=compared,
        tolerance=tolerance,
        rows=rows,
        excluded=valid(levelled)[1],
        notes=[*notes, *(f"Energy per token is not compared at {reason}" for reason in missing)],
    )


def _one_per_task(found: list[Assessment]) -> tuple[dict[str, Assessment], list[str]]:
    """(the assessment of each task, what that leaves out). A foreign table may hold several sweeps: of those the one
    that most tasks have, then the largest."""
    by_sweep: dict[Any, dict[str, Assessment]] = {}
    for assessment in found:
        by_sweep.setdefault(assessment.common.get("sweep"), {}).setdefault(str(assessment.common["task"]), assessment)
    if not by_sweep:
        return {}, []
    best = max(by_sweep, key=lambda sweep: (len(by_sweep[sweep]), sum(len(s.table) for s in by_sweep[sweep].values())))
    chosen = by_sweep[best]
    others = [s for s in found if s not in chosen.values()]
    rest = sum(len(s.table) for s in others)
    left = [f"The sweep {best} is compared; {rest} configurations of others are left out."] if others else []
    return chosen, left


def _task(name: str, assessment: Assessment) -> TaskResult:
    found = assessment.recommendation.value
    if found is None or found.table["accuracy_difference"].isna().all():
        return TaskResult(name, assessment, {})
    axes = reducing_axes()
    return TaskResult(name, assessment, {a: regime_ends(found.table, found.baseline, a) for a in axes})


def _slugged(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None or "model" not in table:
        return pd.DataFrame() if table is None else table
    return table.assign(model=[model_slug(m) if isinstance(m, str) else m for m in table["model"]])


def _refuse_mixtures(rows: pd.DataFrame) -> None:
    """A UsageError for what may not stand side by side; rows without an energy have no say."""
    measured = rows[(rows["status"] == "ok") & rows["energy_j_per_example"].notna()]
    tasks = measured["task"].dropna().unique()
    if len(tasks) < 2:
        raise UsageError(
            f"runs of at least two tasks must be given, but got {', '.join(map(str, tasks)) or 'none'}; "
            "add the run of another task"
        )
    source = measured["energy_source"].where(~is_estimated(measured), "estimate")
    for what, values, remedy in (
        ("one source of energy", source, "measured and estimated energies are never compared"),
        ("one kind of card", measured["gpu_name"], "energies of different cards say nothing about the tasks"),
        ("one model", measured["model"], "energies of different models say nothing about the tasks"),
    ):
        per_run = values.fillna("unknown").groupby(measured["run"], sort=False).unique()
        if len({v for found in per_run for v in found}) > 1:
            listed = "; ".join(f"{run}: {', '.join(map(str, found))}" for run, found in per_run.items())
            raise UsageError(f"all runs must have {what}, but got {listed}; {remedy}: give runs that share it")
