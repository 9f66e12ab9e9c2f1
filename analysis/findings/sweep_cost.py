"""What a sweep itself took, and after how many inferences its saving has paid for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trainables.energy.sources import kinds


@dataclass(frozen=True)
class SweepCost:
    """Joules of the same kind of energy as the saving's."""

    trials_j: float
    finetuning_j: float
    trials: int  # counted in trials_j
    unknown: int  # trials that left no power: failed or pruned ones
    estimated: bool

    @property
    def total_j(self) -> float:
        return self.trials_j + self.finetuning_j

    def inferences(self, saved_j_per_example: float) -> float:
        """How many inferences save as much; infinite where nothing is saved."""
        return self.total_j / saved_j_per_example if saved_j_per_example > 0 else float("inf")


def sweep_cost(rows: pd.DataFrame, finetune: pd.DataFrame | None, estimated: bool) -> SweepCost | None:
    """`rows`: all trials of one comparison, those that confirm included. A trial's warm-up and windows take their mean
    power, the rest of it the idle power where that is known. None where no trial says so."""
    power, idle = (rows[name].to_numpy(float) for name in ("mean_power_w", "idle_power_w"))
    loaded_s = rows["warmup_s"].fillna(0).to_numpy(float) + rows["total_s"].to_numpy(float)
    rest_s = np.maximum(rows["trial_s"].to_numpy(float) - loaded_s, 0)
    energy = power * loaded_s + np.nan_to_num(idle * rest_s)
    known = np.isfinite(energy)
    if not known.any():
        return None
    source = rows["energy_source"].dropna().iloc[0]
    return SweepCost(
        float(energy[known].sum()), _finetuning_j(finetune, source), int(known.sum()), int((~known).sum()), estimated
    )


def _finetuning_j(finetune: pd.DataFrame | None, source: str) -> float:
    if finetune is None or any(c not in finetune for c in ("train_energy_j", "train_energy_source")):
        return 0.0
    own = finetune[finetune["train_energy_source"].map(kinds()) == kinds().get(source)]
    return float(pd.to_numeric(own["train_energy_j"], errors="coerce").fillna(0).sum())
