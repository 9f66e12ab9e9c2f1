"""Where a saving comes from: the way from the baseline to a configuration, one axis switched at a time.

Every step is between two configurations that were measured in the same run; nothing is modelled. How much a step
saves depends on what was switched before it (padding is worth more while the precision is dear), so the order is
stated, and each step also gives the least and the most that its axis saves over all the orders that were measured
whole. The product of the steps does not depend on the order.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.configurations import DEPTH_SHARE
from analysis.findings.plain import plain
from analysis.statistics.intervals import Ratio, ratio
from search_spaces.axes import AXES


@dataclass(frozen=True)
class Step:
    """One axis switched. Energies in J per example; `saving` is before over after (below 1: it costs)."""

    axis: str
    before: Any
    after: Any
    energy_before: float
    energy_after: float
    saving: Ratio
    least: float  # what the axis saves over every complete order, this one included
    most: float


def decompose(table: pd.DataFrame, start: pd.Series, end: pd.Series, order: tuple[str, ...] = ()) -> list[Step]:
    """The steps from row `start` to row `end` of `configurations`, over the axes in which they differ.

    The depths of two models are alike where each has as much of its layers (`depth_share`). They are switched in the
    given order, by default that of `Axis.turn`; where a configuration on that way was not measured, in the nearest
    order (by the position of the first axis moved) whose configurations all were.

    Raises CannotAnswer when they differ in fewer than two axes, or no order was measured whole.
    """
    order = order or tuple(sorted(AXES, key=lambda name: AXES[name].turn))
    axes = [a for a, *ends in zip(order, _key(start, order), _key(end, order), strict=True) if ends[0] != ends[1]]
    if len(axes) < 2:
        raise CannotAnswer(
            f"The saving has one part only: {start['configuration']} and {end['configuration']} differ in "
            f"{axes[0] if axes else 'nothing'}."
        )
    measured = {_key(row, order): row for _, row in table.iterrows()}
    ways = {}
    absent: dict[str, Any] | None = None
    for way in itertools.permutations(axes):  # in the order of `order` first; 5,040 at most
        rows, missing = _walk(measured, start, end, way, order)
        if missing is None:
            ways[way] = rows
        elif absent is None:
            absent = missing
    if not ways:
        raise CannotAnswer(
            f"Where the saving comes from cannot be told: the way to it has configurations that were not "
            f"measured, such as {_spelled(absent or {}, start)}."
        )
    chosen = next(iter(ways))
    savings = {
        axis: [_energy(rows[i]) / _energy(rows[i + 1]) for way, rows in ways.items() for i in [way.index(axis)]]
        for axis in axes
    }
    return [
        Step(
            axis,
            plain(first[axis]),
            plain(second[axis]),
            _energy(first),
            _energy(second),
            ratio(first, second),
            min(savings[axis]),
            max(savings[axis]),
        )
        for axis, (first, second) in zip(chosen, itertools.pairwise(ways[chosen]), strict=True)
    ]


def _walk(
    measured: dict[tuple[Any, ...], pd.Series],
    start: pd.Series,
    end: pd.Series,
    way: tuple[str, ...],
    order: tuple[str, ...],
) -> tuple[list[pd.Series], dict[str, Any] | None]:
    """The rows along the way, or the first configuration that was not measured."""
    place = dict(zip(order, _key(start, order), strict=True))
    there = dict(zip(order, _key(end, order), strict=True))
    rows = [start]
    for axis in way:
        place[axis] = there[axis]
        row = measured.get(tuple(place.values()))
        if row is None:
            return [], dict(place)
        rows.append(row)
    return rows, None


def _spelled(place: dict[str, Any], start: pd.Series) -> str:
    """A configuration on the way in words; its model only where models are compared."""
    several = DEPTH_SHARE in start
    told = {axis: value for axis, value in place.items() if value is not None and (several or axis != "model")}
    if several and "depth" in told:
        told["depth"] = f"{100 * told['depth']:.3g} % of the layers"
    return ", ".join(str(AXES[axis].short(value)) for axis, value in told.items())


def _key(row: pd.Series, order: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(plain(row[DEPTH_SHARE if axis == "depth" and DEPTH_SHARE in row else axis]) for axis in order)


def _energy(row: pd.Series) -> float:
    return float(row["energy_j_per_example"])
