"""Does energy know the task? The energy of one model input against its tokens, task by task, and whether they agree.

For each precision (batch size, padding, backend) a line is fitted to each task's configurations at full depth, all
tasks in the same form: E = a + b * tokens, with c * tokens^2 (attention) where the points of all tasks together want
it. Compared are the energy of a whole input and that of one more token, the line's slope, at a length that every task
was measured at. The input's energy is the measured one where replicates, of any task, say how far trials differ, since
windows of one trial do not; otherwise, or where a task was not measured at that length, every task's line has it.
Energies that differ by less than a stated limit, their intervals included, agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.errors import CannotAnswer
from analysis.findings.agreement import Agreement, Value, agreement
from analysis.findings.configurations import with_intervals
from analysis.findings.energy_model.terms import design, inputs_of
from analysis.findings.plain import plain
from analysis.statistics.arrays import Floats
from analysis.statistics.equivalence import EQUIVALENCE
from analysis.statistics.intervals import OF_OTHERS, REPLICATES
from analysis.statistics.least_squares import Fitted, relative_least_squares, wants_more
from search_spaces.axes import setting_axes

SAME_LENGTH = 0.01  # lengths that differ by less are one
PerInput = tuple[Floats, Floats, Floats, Floats]  # of each configuration: see `_per_input`
Points = Mapping[str, pd.DataFrame]  # task -> its configurations at full depth, one setting


@dataclass(frozen=True)
class TaskLine:
    """The line of one task: energy of an input in J against its tokens."""

    task: str
    terms: list[str]
    fitted: Fitted
    tokens: Floats  # (n,) per input
    energy: Floats  # (n,) J per input
    half: Floats  # (n,) of its 95 % interval from replicates; NaN where nothing was repeated
    freedom: Floats  # (n,) of that interval

    @property
    def coefficients(self) -> dict[str, Value]:
        return {name: self._value(row) for name, row in zip(self.terms, np.eye(len(self.terms)), strict=True)}

    @property
    def loo_percent(self) -> float | None:
        """Median leave-one-out error."""
        errors = np.abs(self.fitted.loo / self.energy - 1)
        known = errors[np.isfinite(errors)]
        return float(100 * np.median(known)) if len(known) else None

    def whole(self, tokens: float) -> Value:
        """Energy of one input of so many tokens (J)."""
        return self._value(_design(self.terms, np.array([tokens]))[0])

    def measured(self, tokens: float) -> Value | None:
        """Energy of one input of so many tokens (J) where that was measured; the mean over such configurations."""
        at = np.isclose(self.tokens, tokens, rtol=SAME_LENGTH) & np.isfinite(self.half)
        if not at.any():
            return None
        value, half, freedom = (float(x[at].mean()) for x in (self.energy, self.half, self.freedom))
        se = half / float(stdtrit(freedom, 0.975))
        return Value(value, value - half, value + half, se / value, freedom)

    def marginal(self, tokens: float) -> Value:
        """Energy of one more token at that length (J per token): the slope of the line."""
        slope = {"a": 0.0, "b": 1.0, "c": 2 * tokens}
        return self._value(np.array([slope[t] for t in self.terms]))

    def _value(self, row: Floats) -> Value:
        fit = self.fitted
        value = float(row @ fit.coefficients)
        variance = float(row @ fit.covariance @ row)
        se = math.sqrt(variance) if variance >= 0 else float("nan")
        half = float(stdtrit(fit.freedom, 0.975)) * se
        return Value(value, value - half, value + half, se / value if value > 0 else float("nan"), fit.freedom)


@dataclass(frozen=True)
class PerToken:
    """One setting: the lines of all tasks, and what they say about each other."""

    setting: dict[str, Any]
    depth: int
    terms: list[str]
    lines: list[TaskLine]
    at_tokens: float | None  # the length that is compared; None where the tasks' lengths do not meet
    compared: dict[str, Value]  # J of an input of that length, task by task
    whole: Agreement
    marginal: Agreement


@dataclass(frozen=True)
class NotCompared:
    """A setting whose tasks cannot be compared, and why."""

    setting: dict[str, Any]
    reason: str


def per_token(
    tables: Mapping[str, pd.DataFrame], equivalence: float = EQUIVALENCE
) -> tuple[list[PerToken], list[NotCompared]]:
    """(one comparison per setting that at least two tasks have, those that cannot be made).

    `tables`: task -> `configurations` of comparable rows (one card, sensor and model).
    """
    found: list[PerToken] = []
    missing: list[NotCompared] = []
    for setting, points in _settings(_pooled(tables)):
        try:
            found.append(_compare(setting, points, equivalence))
        except CannotAnswer as reason:
            missing.append(NotCompared(setting, str(reason)))
    return found, missing


def _pooled(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with intervals made anew: by how much trials differ more than their windows is the host's and the
    card's, so the replicates of one task serve all."""
    if not tables:
        return {}
    together = with_intervals(pd.concat([t.assign(task="all", sweep=None) for t in tables.values()], keys=tables))
    return {task: together.loc[task].assign(task=task) for task in tables}


def _settings(tables: Mapping[str, pd.DataFrame]) -> list[tuple[dict[str, Any], Points]]:
    """(setting, the tasks' configurations at their full depth), in the order of the tables."""
    found: dict[tuple[Any, ...], dict[str, pd.DataFrame]] = {}
    for task, table in tables.items():
        deepest = table[table["depth"] == table["depth"].max()]
        for key, part in deepest.groupby(list(setting_axes()), dropna=False, sort=False, observed=True):
            found.setdefault(tuple(plain(v) for v in key), {})[task] = part
    return [(dict(zip(setting_axes(), key, strict=True)), points) for key, points in found.items() if len(points) > 1]


def _compare(setting: dict[str, Any], points: Points, limit: float) -> PerToken:
    depths = {task: int(part["depth"].iloc[0]) for task, part in points.items()}
    if len(set(depths.values())) > 1:
        listed = ", ".join(f"{task} {depth}" for task, depth in depths.items())
        raise CannotAnswer(f"the tasks' full depths differ ({listed} layers), so their inputs cost differently.")
    data = {task: _per_input(task, part) for task, part in points.items()}
    terms = _terms(data)
    lines = [_line(task, terms, points) for task, points in data.items()]
    at = _meeting_point([line.tokens for line in lines])
    whole = {}
    if at:  # measured inputs are not compared with fitted ones
        measured = {line.task: value for line in lines if (value := line.measured(at)) is not None}
        whole = measured if len(measured) == len(lines) else {line.task: line.whole(at) for line in lines}
    marginal = {line.task: line.marginal(at) for line in lines} if at else {}
    return PerToken(
        setting=setting,
        depth=next(iter(depths.values())),
        terms=terms,
        lines=lines,
        at_tokens=at,
        compared=whole,
        whole=agreement(whole, limit),
        marginal=agreement(marginal, limit),
    )


def _per_input(task: str, part: pd.DataFrame) -> PerInput:
    """Tokens and J of one input, the half-width of its 95 % interval (NaN: not from replicates) and its freedom."""
    inputs = inputs_of(part)
    padded = part["padding"].isna() | (part["padding"] == "max_length")
    tokens = part["tokens_per_example"].where(part["tokens_per_example"].notna() | ~padded, part["max_seq_len"])
    if tokens.isna().any():
        raise CannotAnswer(f"{task} does not say how many tokens were processed.")
    repeated = part["interval_kind"].isin([REPLICATES, OF_OTHERS])
    energy = part["energy_j_per_example"].to_numpy(dtype=float) / inputs
    half = part["energy_j_per_example_ci95"].where(repeated).to_numpy(dtype=float) / inputs
    return tokens.to_numpy(dtype=float) / inputs, energy, half, part["energy_freedom"].to_numpy(dtype=float)


def _terms(data: Mapping[str, PerInput]) -> list[str]:
    """The form for all tasks: with attention where the pooled points clearly want it and every task can carry it."""
    tokens, energy = (np.concatenate([p[i] for p in data.values()]) for i in (0, 1))
    if any(len(np.unique(x)) < 4 for x, *_ in data.values()):
        return ["a", "b"]
    simple, richer = (relative_least_squares(_design(t, tokens), energy) for t in (["a", "b"], ["a", "b", "c"]))
    return ["a", "b", "c"] if wants_more(simple.loo, richer.loo, energy)[0] else ["a", "b"]


def _line(task: str, terms: list[str], points: PerInput) -> TaskLine:
    tokens, energy, *_ = points
    needed = len(terms) + 1
    if len(np.unique(tokens)) < needed:
        raise CannotAnswer(f"{task} has {len(np.unique(tokens))} lengths, and at least {needed} are needed.")
    return TaskLine(task, terms, relative_least_squares(_design(terms, tokens), energy), *points)


def _design(terms: list[str], tokens: Floats) -> Floats:
    """One input, all layers together."""
    return design(terms, np.ones_like(tokens), np.ones_like(tokens), tokens)


def _meeting_point(tokens: list[Floats]) -> float | None:
    """A length within the range of every task: of those measured in all of them, the one in the middle."""
    low, high = max(t.min() for t in tokens), min(t.max() for t in tokens)
    if low > high:
        return None
    middle = math.sqrt(low * high)
    shared = [t for t in tokens[0] if all(np.isclose(other, t, rtol=SAME_LENGTH).any() for other in tokens[1:])]
    return float(min(shared, key=lambda t: abs(math.log(t / middle)))) if shared else middle
