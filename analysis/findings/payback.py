"""After how many inferences a cheaper configuration has made up for the energy of its fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.words.rounding import count_of, format_with_uncertainty
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

    def sentence(self, baseline: pd.Series, choice: pd.Series) -> str:
        """In words, for two rows of `configurations`; the interval is that of the energies."""
        name, ends = "energy_j_per_example", []
        saved = float(baseline[name] - choice[name])
        half = float(np.hypot(baseline[f"{name}_ci95"], choice[f"{name}_ci95"]))
        if half < saved:  # False where an interval is unknown
            ends = [count_words(self.inferences(saved + sign * half)) for sign in (1, -1)]
        interval = f" (95 %: {ends[0]} to {ends[1]})" if ends and ends[0] != ends[1] else ""
        of = "" if self.runs == 1 else f", the mean of {count_of(self.runs, 'runs')}"
        if self.runs > 1 and self.highest_j > 1.005 * self.lowest_j:
            of += f" ({joules_words(self.lowest_j)} to {joules_words(self.highest_j)})"
        return (
            f"Fine-tuning took {joules_words(self.energy_j)}{' (estimated)' if self.estimated else ''}{of}; what "
            f"{choice['configuration']} saves against {baseline['configuration']} makes up for it after "
            f"{count_words(self.inferences(saved))} inferences{interval}."
        )


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


def joules_words(energy_j: float) -> str:
    """ "3.12 kJ", "1.40 MJ": three digits."""
    for factor, unit in ((1e6, "MJ"), (1e3, "kJ"), (1.0, "J")):
        if energy_j >= factor or unit == "J":
            break
    return format_with_uncertainty(energy_j / factor, unit=unit)


def count_words(number: float) -> str:
    """ "67 thousand", "1.2 million": two digits."""
    rounded = float(f"{number:.1e}")
    for factor, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand"), (1.0, "")):
        if rounded >= factor or not word:
            break
    return f"{rounded / factor:.{1 if rounded / factor < 10 and word else 0}f}{word}"
