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
from analysis.findings.energy_model.terms import inputs_of
from analysis.findings.part import attempt
from analysis.findings.per_token import NotCompared, PerToken, per_token
from analysis.findings.regime import RegimeEnd, regime_ends
from analysis.findings.slices import same_as
from analysis.rows.cards import level_cards
from analysis.rows.choices import load_choices
from analysis.rows.load import load, load_anchors, load_finetune
from analysis.rows.purpose import sweep_rows
from search_spaces.axes import AXES, reducing_axes
from search_spaces.errors import UsageError
from search_spaces.models import model_slug
from search_spaces.objectives import TOLERANCE
from trainables.energy.sources import ESTIMATE


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

    def along(self, axis: str) -> pd.DataFrame:
        """The configurations that differ from the baseline in one axis only, the baseline among them."""
        if self.baseline is None:
            return self.assessment.table.iloc[:0]
        return same_as(self.assessment.table, self.baseline, [a for a in AXES if a != axis])

    def cheapest(self, axis: str) -> Cheapest | None:
        """None where one value of the axis was measured."""
        line = self.along(axis)
        if len(line) < 2:
            return None
        return Cheapest(line.sort_values(axis).iloc[0], line.sort_values("energy_j_per_example").iloc[0])

    def end(self, axis: str) -> RegimeEnd | None:
        """Where the regime ends at the baseline's precision; None where nothing on the axis is known to be kept."""
        if self.baseline is None:
            return None
        of = self.baseline["precision"]
        return next((e for e in self.ends.get(axis, []) if e.precision == of and e.value is not None), None)


@dataclass(frozen=True)
class Cheapest:
    """The configurations along one axis: of the smallest value, and the cheapest; rows of `configurations`."""

    smallest: pd.Series
    cheapest: pd.Series

    @property
    def ratio(self) -> float:
        """Energy of the smallest value over that of the cheapest; 1 where they are the same."""
        return float(self.smallest["energy_j_per_example"] / self.cheapest["energy_j_per_example"])

    @property
    def inputs(self) -> tuple[float, float]:
        """Model inputs per example of the smallest and the cheapest."""
        smallest, cheapest = inputs_of(pd.DataFrame([self.smallest, self.cheapest]))
        return float(smallest), float(cheapest)


@dataclass(frozen=True)
class OtherSweeps:
    """A foreign table held several sweeps, and one is compared."""

    compared: Any
    configurations: int  # left out, of the others


@dataclass(frozen=True)
class Comparison:
    """The tasks in the order of the runs, and what their energies say about each other."""

    tasks: list[TaskResult]
    card: str
    energy_source: str
    estimated: bool
    model: str
    per_token: list[PerToken]
    not_per_token: list[NotCompared]
    tolerance: float
    rows: pd.DataFrame
    excluded: pd.DataFrame
    reading: list[str]  # what was said on reading the runs
    other_sweeps: OtherSweeps | None
    without_energy: list[str]  # tasks that have no trial with a valid energy

    def ends(self, axis: str) -> dict[str, RegimeEnd]:
        """task -> where its regime ends, of the tasks that have such an end."""
        return {task.name: end for task in self.tasks if (end := task.end(axis)) is not None}

    def precision_verdicts(self) -> dict[str, dict[str, str]]:
        """precision -> task -> verdict, the other axes as the baseline has them; the baseline's own is left out."""
        found: dict[str, dict[str, str]] = {}
        for task in self.tasks:
            for row in task.along("precision").to_dict("records") if task.scored else ():
                if not row["is_baseline"]:
                    found.setdefault(str(row["precision"]), {})[task.name] = str(row["verdict"])
        return found


def compare(
    paths: Sequence[str | Path],
    tolerance: float = TOLERANCE,
    *,
    columns: dict[str, str] | None = None,
    model: str | None = None,
) -> Comparison:
    """Load runs of several tasks and compare them. `model`: which one, of runs of several.

    Raises UsageError where they hold fewer than two tasks, or differ in card, source of energy or model, and
    CannotAnswer where fewer than two tasks have a valid energy.
    """
    rows = load(*paths, columns=columns)
    rows["model"] = [model_slug(m) if isinstance(m, str) else m for m in rows["model"]]  # a path differs by machine
    everything = rows
    if model is not None:
        rows = _of_model(rows, model_slug(model))
    _refuse_mixtures(sweep_rows(rows))
    anchors = attempt("The anchors", lambda: load_anchors(*paths))
    tuned = attempt("The fine-tunings", lambda: load_finetune(*paths))
    made = attempt("The choices", lambda: load_choices(*paths))
    levelled, said = level_cards(everything, _slugged(anchors.value))  # by the first model's anchors, for all
    levelled = levelled.loc[rows.index]
    found = assessments(
        levelled,
        tolerance=tolerance,
        rng=np.random.default_rng(0),
        bootstrap=False,
        finetune=_slugged(tuned.value),
        choices=made.value or (),
    )
    chosen, other_sweeps = _one_per_task(found)
    names = list(dict.fromkeys(rows["task"]))
    tasks = [_task(name, chosen[name]) for name in names if name in chosen]
    without_energy = [str(name) for name in names if name not in chosen]
    if len(tasks) < 2:
        listed = ", ".join(t.name for t in tasks) or "none"
        raise CannotAnswer(
            f"At least two tasks with a valid energy are needed, but there is {listed}; without one: "
            f"{', '.join(without_energy)}."
        )
    compared, missing = per_token({t.name: t.assessment.table for t in tasks})
    first = tasks[0].assessment
    return Comparison(
        tasks=tasks,
        card=first.card,
        energy_source=str(first.common.get("energy_source")),
        estimated=first.estimated,
        model=str(first.common.get("model") or "an unnamed model"),
        per_token=compared,
        not_per_token=missing,
        tolerance=tolerance,
        rows=rows,
        excluded=valid(levelled)[1],
        reading=[
            *rows.attrs.get("notes", []),
            *(part.problem for part in (anchors, tuned, made) if part.problem),
            *said.values(),
        ],
        other_sweeps=other_sweeps,
        without_energy=without_energy,
    )


def _one_per_task(found: list[Assessment]) -> tuple[dict[str, Assessment], OtherSweeps | None]:
    """(the assessment of each task, what that leaves out). A foreign table may hold several sweeps: of those the one
    that most tasks have, then the largest."""
    by_sweep: dict[Any, dict[str, Assessment]] = {}
    for assessment in found:
        by_sweep.setdefault(assessment.common.get("sweep"), {}).setdefault(str(assessment.common["task"]), assessment)
    if not by_sweep:
        return {}, None
    best = max(by_sweep, key=lambda sweep: (len(by_sweep[sweep]), sum(len(s.table) for s in by_sweep[sweep].values())))
    chosen = by_sweep[best]
    others = [s for s in found if s not in chosen.values()]
    return chosen, OtherSweeps(best, sum(len(s.table) for s in others)) if others else None


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


def _of_model(rows: pd.DataFrame, model: str) -> pd.DataFrame:
    """The rows of one model; what they were read with stays. UsageError where some run has none of it."""
    known = rows.dropna(subset=["model"]).groupby("run", sort=False)["model"].unique()
    lacking = {run: found for run, found in known.items() if model not in found}
    if lacking or known.empty:
        listed = "; ".join(f"{run}: {', '.join(found)}" for run, found in lacking.items())
        raise UsageError(
            f"every run must have the model to compare the tasks on, but {model} is not in {listed or 'any row'}; "
            "give one that all of them have"
        )
    return rows[rows["model"] == model]


def _refuse_mixtures(rows: pd.DataFrame) -> None:
    """A UsageError for what may not stand side by side; rows without an energy have no say."""
    measured = rows[(rows["status"] == "ok") & rows["energy_j_per_example"].notna()]
    tasks = measured["task"].dropna().unique()
    if len(tasks) < 2:
        raise UsageError(
            f"runs of at least two tasks must be given, but got {', '.join(map(str, tasks)) or 'none'}; "
            "add the run of another task"
        )
    share = "give runs that share it"
    source = measured["energy_source"].where(~is_estimated(measured), ESTIMATE)
    for what, values, remedy in (
        ("one source of energy", source, f"measured and estimated energies are never compared: {share}"),
        ("one kind of card", measured["gpu_name"], f"energies of different cards say nothing about the tasks: {share}"),
        ("one model", measured["model"], _one_model(measured)),
    ):
        per_run = values.fillna("unknown").groupby(measured["run"], sort=False).unique()
        if len({v for found in per_run for v in found}) > 1:
            listed = "; ".join(f"{run}: {', '.join(map(str, found))}" for run, found in per_run.items())
            raise UsageError(f"all runs must have {what}, but got {listed}; {remedy}")


def _one_model(measured: pd.DataFrame) -> str:
    """What to do about several models: name one that every run has, where there is one."""
    per_run = [set(found.dropna()) for _, found in measured.groupby("run", sort=False)["model"]]
    shared = sorted(set.intersection(*per_run))
    why = "energies of different models say nothing about the tasks"
    if not shared:
        return f"{why}: give runs that share it"
    return f"{why}: choose with {' or '.join(f'--model {name}' for name in shared)}"
