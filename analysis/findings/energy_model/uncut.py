"""A sweep of depths in which nothing moves: the model that was timed was probably not the one that was cut."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from search_spaces.axes import AXES

STILL = 0.03  # largest over smallest, less 1: what trials of one configuration differ by
FEWER = 1.5  # deepest over shallowest, from which on layers cannot be missed
_MOVES = ("energy_j_per_example", "latency_ms_per_example", "mean_power_w", "peak_gpu_memory_mib")


@dataclass(frozen=True)
class Uncut:
    """The depths that were measured, and which quantities were known and did not move between them."""

    shallowest: int
    deepest: int
    columns: tuple[str, ...]


def uncut(table: pd.DataFrame) -> Uncut | None:
    """None where something moves with depth in some group of configurations that differ in depth alone, or less than
    energy and latency is known. Launches and memory fall with the layers even where the card waits."""
    known = tuple(c for c in _MOVES if c in table and table[c].notna().all())
    if not set(_MOVES[:2]) <= set(known):
        return None
    others = [a for a in AXES if a != "depth" and a in table]
    seen = []
    for _, group in table.groupby(others, dropna=False):
        low, high = int(group["depth"].min()), int(group["depth"].max())
        if high < FEWER * low:
            continue
        if any(group[c].max() > (1 + STILL) * group[c].min() for c in known):
            return None
        seen.append((low, high))
    return Uncut(min(low for low, _ in seen), max(high for _, high in seen), known) if seen else None
