"""All that is found of one comparison: one task, model, card, sensor. A part is made or says why not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.baseline import find_baseline, lost_baseline
from analysis.findings.configurations import (
    OF_A_MODEL,
    RECIPE_AND_DATA,
    TOGETHER,
    comparable_groups,
    comparison_numbers,
    configurations,
    valid,
    whose_words,
)
from analysis.findings.confirmation import Confirmation, confirmation, promoted
from analysis.findings.energy_model.model import EnergyModel, fit_energy
from analysis.findings.front_probability import front_probability
from analysis.findings.pareto import pareto_set
from analysis.findings.part import Part, attempt
from analysis.findings.payback import FinetuningCost, Payback, finetuning_cost, payback, payback_of
from analysis.findings.recommend import Recommendation, recommend
from analysis.findings.slices import models_of, score_column
from analysis.findings.sweep_cost import SweepCost, sweep_cost
from analysis.findings.trials import trials_of
from analysis.rows.purpose import fresh_rows, sweep_rows
from search_spaces.models import model_slug
from search_spaces.objectives import DEFAULT_OBJECTIVES, TOLERANCE
from trainables.rows.choice import Choice

BOOTSTRAP_LIMIT = 2000  # configurations: above this, front probabilities take longer than the rest of the report


@dataclass(frozen=True)
class Assessment:
    """The parts of one comparison. `table` has a row per configuration, and the columns of the parts made."""

    slug: str  # of file names; "" where the report holds one assessment only
    heading: str
    common: dict[str, Any]  # values of TOGETHER
    clean: pd.DataFrame  # its valid trials
    table: pd.DataFrame
    estimated: bool
    tolerance: float
    objectives: tuple[str, ...]
    recommendation: Part[Recommendation]
    confirmation: Part[Confirmation]  # a saving has an interval only where there is one
    front: Part[pd.DataFrame]
    unsure: str  # why the front has no probabilities; empty where it has
    models: list[tuple[dict[str, Any], Part[EnergyModel]]]  # (what its rows have in common, fit)
    wanted: Mapping[str, Any] | None = None  # what the baseline was asked to be
    lost: str = ""  # why it is another than it was to be, in a line
    finetuning: FinetuningCost | None = None  # None where no comparable joules of it are known
    cost: SweepCost | None = None  # of the sweep; None where no trial says

    @property
    def card(self) -> str:
        return str(self.common.get("gpu_name") or "an unnamed device")

    @property
    def baseline(self) -> pd.Series:
        """The recommendation's baseline; by the same rule where there is no recommendation."""
        found = self.recommendation.value
        return self.table.loc[find_baseline(self.table, self.wanted)] if found is None else found.baseline

    @property
    def scored(self) -> bool:
        """Some configuration's score is known: it is not where the weights are random."""
        return score_column(self.table) is not None

    @property
    def saved_j_per_example(self) -> float | None:
        """By the fresh trials where there are any; None where nothing is recommended."""
        found, fresh = self.recommendation.value, self.confirmation.value
        if fresh is not None:
            return fresh.saved_j[0]
        if found is None or found.choice is None:
            return None
        return float(found.baseline["energy_j_per_example"] - found.choice["energy_j_per_example"])

    @property
    def payback(self) -> Payback | None:
        """When the choice has made up for its fine-tuning, by the fresh trials; without them without limits. None where
        that cannot be said."""
        found, fresh = self.recommendation.value, self.confirmation.value
        if self.finetuning is None or found is None or found.choice is None:
            return None
        if fresh is not None:
            if fresh.saved_j[0] <= 0:
                return None
            return payback_of(self.finetuning, fresh.baseline, fresh.choice, *fresh.saved_j)
        return replace(payback(self.finetuning, found.baseline, found.choice), low=None, high=None)


def assessments(
    rows: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    tolerance: float = TOLERANCE,
    *,
    rng: np.random.Generator,
    bootstrap: bool = True,
    finetune: pd.DataFrame | None = None,
    choices: Sequence[tuple[str, Choice]] = (),
    ordinary: bool = False,
    baseline: Mapping[str, Any] | None = None,
    planned: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Assessment]:
    """One assessment per task, model, card, sensor and sweep among the valid rows, the largest first.

    `finetune`: of `load_finetune`, what the weights cost. `choices`: of `load_choices`, what fresh trials confirm.
    `ordinary`: as `fit_energy`. `baseline`: as `find_baseline`, of the comparisons that have such rows. `planned`: by
    run the configuration that it was to compare all others with.
    """
    clean, _ = valid(rows)
    if clean.empty:
        return []
    keys = [k for k in TOGETHER if k in clean]
    grouped = clean.groupby(comparison_numbers(clean), sort=False)
    groups = sorted((group for _, group in grouped), key=len, reverse=True)
    shared = [{k: _one_value(group[k]) for k in keys} for group in groups]
    told = [k for k in RECIPE_AND_DATA if k in clean and len({common[k] for common in shared}) > 1]
    found: list[Assessment] = []
    for group, common in zip(groups, shared, strict=True):
        title = heading(common, told, models_of(group))
        slug = _slug(title) if len(groups) > 1 else ""
        while slug and slug in {s.slug for s in found}:
            slug += "-b"
        fresh = (_of_group(fresh_rows(rows), group, keys), choices)
        wanted = baseline if baseline and _agree(group, baseline).any() else None
        assessment = _assessment(
            slug, title, common, group, tuple(objectives), tolerance, rng, bootstrap, fresh, ordinary, wanted
        )
        weights = None if finetune is None else _finetunings(finetune, group)
        found.append(
            replace(
                assessment,
                wanted=wanted,
                lost=_lost(assessment, sweep_rows(rows), baseline, planned or {}),
                finetuning=None if weights is None else _cost(weights, assessment),
                cost=sweep_cost(_of_group(rows, group, keys), weights, assessment.estimated),
            )
        )
    return found


def _assessment(
    slug: str,
    title: str,
    common: dict[str, Any],
    clean: pd.DataFrame,
    objectives: tuple[str, ...],
    tolerance: float,
    rng: np.random.Generator,
    bootstrap: bool,
    fresh: tuple[pd.DataFrame, Sequence[tuple[str, Choice]]],
    ordinary: bool,
    wanted: Mapping[str, Any] | None,
) -> Assessment:
    table = configurations(clean)
    recommendation = attempt("The recommendation", lambda: recommend(clean, wanted, tolerance))
    confirmed: Part[Confirmation] = Part(None)
    if (found := recommendation.value) is not None:
        confirmed = attempt("The confirmation", lambda: confirmation(*fresh, found))
        recommendation = Part(promoted(found, confirmed.value))
    if recommendation.value is not None:
        table = recommendation.value.table
    score = score_column(table)
    if score is not None and table["accuracy"].isna().all():  # SQuAD is scored by exact match
        objectives = tuple(score if o == "accuracy" else o for o in objectives)
    front, unsure = _front(clean, table, objectives, rng, bootstrap)
    if front.value is not None:
        added = [c for c in front.value.columns if c not in table.columns]
        table = table.join(front.value[added]) if len(front.value) == len(table) else table
    models = [
        (shared, attempt("The energy model", lambda group=group: fit_energy(group, ordinary=ordinary)))  # type: ignore[misc]
        for shared, group in comparable_groups(clean)
    ]
    return Assessment(
        slug=slug,
        heading=title,
        common=common,
        clean=clean,
        table=table,
        estimated=bool(table["estimated"].any()),
        tolerance=tolerance,
        objectives=objectives,
        recommendation=recommendation,
        confirmation=confirmed,
        front=front,
        unsure=unsure,
        models=models,
    )


def _agree(rows: pd.DataFrame, wanted: Mapping[str, Any]) -> pd.Series[bool]:
    """Which rows have all of the values."""
    found: pd.Series[bool] = (rows[list(wanted)] == pd.Series(wanted)).all(axis=1)
    return found


def _lost(
    assessment: Assessment,
    rows: pd.DataFrame,
    wanted: Mapping[str, Any] | None,
    planned: Mapping[str, Mapping[str, Any]],
) -> str:
    """That the baseline is lost, and against what savings are told instead."""
    own = trials_of(assessment.clean, rows)
    wanted = wanted if wanted and _agree(own, wanted).any() else None
    runs = own["run"].unique() if "run" in own else ()
    lost = lost_baseline(own, wanted, [planned[run] for run in runs if run in planned])
    if not lost:
        return ""
    return f"{lost[0].upper()}{lost[1:]}. Savings are against {assessment.baseline['configuration']}."


def _one_value(values: pd.Series) -> Any:
    """What all rows of a comparison have; None where that is null, or of each model its own."""
    first = values.iloc[0]
    return None if pd.isna(first) or (values.name in OF_A_MODEL and len(values.unique()) > 1) else first


def _of_group(rows: pd.DataFrame, group: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The rows that agree with those of a comparison in each of the keys."""
    for name in keys:
        known = group[name].dropna().unique()
        rows = rows[rows[name].isin(known) | (rows[name].isna() & bool(group[name].isna().any()))]
    return rows


def _finetunings(finetune: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the rows' task, model and runs."""
    for name in ("task", "model", "run"):
        if name in finetune and name in rows:
            finetune = finetune[finetune[name].isin(rows[name].unique())]
    return finetune


def _cost(finetune: pd.DataFrame, assessment: Assessment) -> FinetuningCost | None:
    task, model, source = (assessment.common.get(k) for k in ("task", "model", "energy_source"))
    if model is None and (found := assessment.recommendation.value) is not None and found.choice is not None:
        model = found.choice["model"]  # of several: what is to be used has to be made
    return finetuning_cost(finetune, task, model, source, assessment.clean["seed"].unique())


def _front(
    clean: pd.DataFrame, table: pd.DataFrame, objectives: tuple[str, ...], rng: np.random.Generator, bootstrap: bool
) -> tuple[Part[pd.DataFrame], str]:
    """With probabilities where they can be had; the exact set alone otherwise, and why."""
    sure = attempt("Front probabilities", lambda: _probabilities(clean, table, objectives, rng, bootstrap))
    if sure.value is not None:
        return sure, ""
    return attempt("The Pareto set", lambda: pareto_set(table, objectives)), sure.problem


def _probabilities(
    clean: pd.DataFrame, table: pd.DataFrame, objectives: tuple[str, ...], rng: np.random.Generator, bootstrap: bool
) -> pd.DataFrame:
    if len(table) > BOOTSTRAP_LIMIT:
        raise CannotAnswer(f"no probabilities were drawn, since there are more than {BOOTSTRAP_LIMIT} configurations")
    if not bootstrap:
        raise CannotAnswer("no probabilities were drawn")
    return front_probability(clean, objectives, rng=rng)


def heading(common: dict[str, Any], told: Sequence[str] = (), models: Sequence[str] = ()) -> str:
    """ "sst2 · bert-base-uncased · NVIDIA H100 80GB HBM3"; `told`: digests by which comparisons differ; `models`: where
    there are several."""
    names = models or ([common["model"]] if common.get("model") else [])
    model = ", ".join(model_slug(str(name)) for name in names)
    parts = (common.get("task"), model, common.get("gpu_name"), common.get("sweep"))
    digests = [whose_words(name, common.get(name)) for name in told if not (models and name in OF_A_MODEL)]
    return " · ".join([*(str(part) for part in parts if part), *digests])


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "comparison"
