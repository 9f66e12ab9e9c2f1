"""Does energy follow FLOP from one model to another? Nothing is fitted: pairs of configurations, the model alone apart.

Each is as much of its model as the baseline is of its own, at the baseline's other settings, in every precision that
both were measured in. Where energy followed the arithmetic, a FLOP would cost the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.findings.configurations import GFLOP
from analysis.findings.slices import same_as, several_models
from analysis.statistics.intervals import Ratio, ratio
from search_spaces.axes import AXES


@dataclass(frozen=True)
class FlopEnergy:
    """Another model beside the baseline's in one precision."""

    model: str
    than: str
    precision: str
    layers: tuple[int, int]  # of it, and of the baseline's
    flop_ratio: float  # the baseline's model over the other
    energy: Ratio  # the same of J per example
    per_flop: Ratio  # of the other over the baseline's: what a FLOP costs it


def flop_energy(table: pd.DataFrame, baseline: pd.Series) -> list[FlopEnergy]:
    """Every other model, precision by precision; none where one model was measured, or rows do not know their FLOP."""
    if not several_models(table) or GFLOP not in table:
        return []
    part = same_as(table, baseline, [a for a in AXES if a not in ("model", "precision")])
    part = part[part[GFLOP].notna()]
    own = part[part["model"] == baseline["model"]].set_index("precision")
    found = []
    for _, row in part[(part["model"] != baseline["model"]) & part["precision"].isin(own.index)].iterrows():
        mine = own.loc[row["precision"]]
        flop, energy = float(mine[GFLOP] / row[GFLOP]), ratio(mine, row)
        layers = (int(row["depth"]), int(mine["depth"]))
        per_flop = Ratio(flop / energy.value, flop / energy.high, flop / energy.low, energy.kind)
        found.append(
            FlopEnergy(str(row["model"]), str(baseline["model"]), str(row["precision"]), layers, flop, energy, per_flop)
        )
    return found
