"""After how many inferences a cheaper configuration has made up for the energy of its fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.intervals import OF_OTHERS, REPLICATES, poorer
from trainables.energy.sources import estimates, kinds


@dataclass(frozen=True)
class FinetuningCost:
    """Joules of one fine-tuning: the mean over those of one task and model."""

    energy_j: float
    runs: int
    lowest_j: float
    highest_j: float
    estimated: bool

    def inferences(self, saving_j_per_example: float) -> float:
        """How many inferences save as much; infinite where nothing is saved."""
        return self.energy_j / saving_j_per_example if saving_j_per_example > 0 else float("inf")


@dataclass(frozen=True)
class Payback:
    """Inferences after which `choice` has made up for `cost`, with the 95 % limits that the energies give: `low` None
    where they have no intervals between trials, `high` also where these leave open whether anything is saved."""

    cost: FinetuningCost
    baseline: pd.Series  # rows of `configurations`
    choice: pd.Series
    inferences: float
    low: float | None
    high: float | None


def payback(cost: FinetuningCost, baseline: pd.Series, choice: pd.Series) -> Payback:
    """For two rows of one table of `configurations`."""
    name = "energy_j_per_example"
    saved = float(baseline[name] - choice[name])
    known = poorer(baseline["interval_kind"], choice["interval_kind"]) in (REPLICATES, OF_OTHERS)
    half = float(np.hypot(baseline[f"{name}_ci95"], choice[f"{name}_ci95"])) if known else float("nan")
    return payback_of(cost, baseline, choice, saved, half)


def payback_of(cost: FinetuningCost, baseline: pd.Series, choice: pd.Series, saved: float, half: float) -> Payback:
    """For a saving (J/example) with the half-width of its interval; NaN where that is not known."""
    low = cost.inferences(saved + half) if np.isfinite(half) else None
    high = cost.inferences(saved - half) if half < saved else None
    return Payback(cost, baseline, choice, cost.inferences(saved), low, high)


def finetuning_cost(
    finetune: pd.DataFrame, task: Any, model: Any, energy_source: Any, seeds: Any = None
) -> FinetuningCost | None:
    """The cost of the fine-tunings in a table of `load_finetune`; None where it says nothing comparable.

    Only runs of that task, model and (where given) seeds whose energy is of the kind of `energy_source` count.
    """
    needed = ("task", "model", "train_energy_j", "train_energy_source")
    if any(column not in finetune for column in needed):
        return None
    own = finetune[(finetune["task"] == task) & (finetune["model"] == model)]
    if seeds is not None and "seed" in own:
        own = own[own["seed"].isin(list(seeds))]
    kind = kinds().get(str(energy_source))
    own = own[own["train_energy_source"].map(kinds()) == kind] if kind else own.iloc[:0]
    energy = pd.to_numeric(own["train_energy_j"], errors="coerce")
    energy = energy[energy > 0]
    if energy.empty:
        return None
    return FinetuningCost(
        float(energy.mean()), len(energy), float(energy.min()), float(energy.max()), energy_source in estimates()
    )
