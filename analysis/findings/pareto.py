"""Exact non-dominated sets, their hypervolume and their knee (moocore; Fonseca, Paquete, Lopez-Ibanez
2006)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import moocore
import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.configurations import is_estimated
from analysis.statistics.arrays import Bools, Floats
from search_spaces.errors import UsageError
from search_spaces.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, Objective
from trainables.energy.sources import kinds


def pareto_set(table: pd.DataFrame, objectives: Sequence[str] = DEFAULT_OBJECTIVES) -> pd.DataFrame:
    """The table with `front` (bool: no row is at least as good in all objectives and better in one) and
    `not_compared` (which objective is null, empty where the row took part).

    Rows equal in every objective are all on the front. Two or three objectives of `search_spaces.objectives`.
    Raises CannotAnswer for several tasks, estimated beside measured energy, or no complete row.
    """
    goals = _goals(table, objectives)
    _one_comparison(table, goals)
    missing = _missing(table, goals)
    out = table.copy()
    out["not_compared"] = missing
    out["front"] = False
    complete = (missing == "").to_numpy()
    if not complete.any():
        raise CannotAnswer(
            f"No Pareto set of {_names(goals)}: no row has all of them "
            f"({missing.iloc[0] if len(missing) else 'no rows'})."
        )
    out.loc[complete, "front"] = nondominated(minimised(table[complete], goals))
    return out


def nondominated(points: Floats) -> Bools:
    """Which points (n, m), all minimised and finite, are not dominated; equal points are all kept."""
    return np.asarray(moocore.is_nondominated(np.ascontiguousarray(points), keep_weakly=True), dtype=bool)


def minimised(table: pd.DataFrame, goals: Sequence[Objective]) -> Floats:
    """(rows, objectives), signs such that smaller is better, log10 where the objective is on a log scale."""
    columns = []
    for goal in goals:
        values = table[goal.name].to_numpy(dtype=float)
        columns.append(goal.sign * (np.log10(values) if goal.log_scale else values))
    return np.column_stack(columns)


@dataclass(frozen=True)
class Hypervolume:
    """Volume that the front dominates up to `reference`; log10 units where `log10` says so."""

    value: float
    objectives: tuple[str, ...]
    reference: dict[str, float]  # in the objectives' own units
    log10: dict[str, bool]
    points: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def hypervolume(
    table: pd.DataFrame, objectives: Sequence[str] = DEFAULT_OBJECTIVES, reference: Mapping[str, float] | None = None
) -> Hypervolume:
    """Hypervolume of the rows. `reference` (objective -> value) is the worst corner; without it, the worst
    value of each objective among the rows. To compare runs, give both the same reference."""
    goals = _goals(table, objectives)
    _one_comparison(table, goals)
    table = table[_missing(table, goals) == ""]
    if table.empty:
        raise CannotAnswer(f"No hypervolume of {_names(goals)}: no row has all of them.")
    if reference is None:
        corner = {g.name: float((g.sign * table[g.name]).max() * g.sign) for g in goals}
    else:
        absent = [g.name for g in goals if g.name not in reference]
        if absent:
            raise UsageError(f"the reference point must name every objective, but lacks {absent}; add them")
        corner = {g.name: float(reference[g.name]) for g in goals}
    worst = minimised(pd.DataFrame([corner]), goals)[0]
    value = float(moocore.hypervolume(np.ascontiguousarray(minimised(table, goals)), ref=worst))
    return Hypervolume(value, tuple(g.name for g in goals), corner, {g.name: g.log_scale for g in goals}, len(table))


def knee(table: pd.DataFrame, objectives: Sequence[str] = DEFAULT_OBJECTIVES) -> pd.Series | None:
    """The row of the front farthest below the plane through its extremes (objectives scaled to 0..1 over the
    front, energy and latency on a log scale): where giving up more buys the least. None where no row lies
    below it.
    """
    goals = _goals(table, objectives)
    front = table if "front" in table else pareto_set(table, objectives)
    front = front[front["front"]]
    points = minimised(front, goals)
    low, high = points.min(axis=0), points.max(axis=0)
    if len(front) < 3 or (high <= low).any():
        return None
    distance = 1 - ((points - low) / (high - low)).sum(axis=1)  # of the plane x + y (+ z) = 1, up to a constant
    best = int(distance.argmax())
    return front.iloc[best] if distance[best] > 1e-9 else None


def _goals(table: pd.DataFrame, objectives: Sequence[str]) -> list[Objective]:
    goals = [OBJECTIVES[name] for name in objectives]
    if len(set(objectives)) != len(objectives) or not 2 <= len(goals) <= 3:
        raise UsageError(f"objectives must be two or three different ones, but got {list(objectives)}; see --help")
    absent = [g.name for g in goals if g.name not in table]
    if absent:
        raise UsageError(f"the table must have a column for each objective, but lacks {', '.join(absent)}; add it")
    return goals


def _missing(table: pd.DataFrame, goals: Sequence[Objective]) -> pd.Series:
    """Which objectives a row cannot show, as text; empty where it has all."""
    text = pd.Series("", index=table.index, dtype=object)
    for goal in goals:
        bad = table[goal.name].isna()
        text[bad] = (text[bad] + f", {goal.name} is null").str.removeprefix(", ")
        if goal.log_scale:
            zero = table[goal.name] <= 0
            text[zero] = (text[zero] + f", {goal.name} is not above zero").str.removeprefix(", ")
    return text


def _one_comparison(table: pd.DataFrame, goals: Sequence[Objective]) -> None:
    if "task" in table and len(table["task"].dropna().unique()) > 1:
        tasks = ", ".join(sorted(table["task"].dropna().unique()))
        raise CannotAnswer(f"No Pareto set over several tasks ({tasks}): choose the rows of one.")
    if not any("energy" in g.name for g in goals):
        return
    if "energy_source" in table and "flags" in table:
        estimated = is_estimated(table)
        if estimated.any() and not estimated.all():
            raise CannotAnswer(
                "No Pareto set over estimated and measured energy together: choose one (`analysis.valid` does)."
            )
        of_cpu = table["energy_source"].map(kinds()) == "cpu"
        if of_cpu.any() and not of_cpu.all():
            raise CannotAnswer("No Pareto set over CPU (rapl) and GPU energy together: choose the rows of one sensor.")


def _names(goals: Sequence[Objective]) -> str:
    return " and ".join(g.name for g in goals)
