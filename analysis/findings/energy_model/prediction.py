"""The energy of a configuration that was not measured, from the line of its precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analysis.errors import CannotAnswer
from analysis.findings.energy_model.fit import DEPTH_LENGTH, LENGTH, Fit
from analysis.findings.energy_model.model import EnergyModel
from analysis.findings.energy_model.terms import design
from analysis.findings.energy_model.uncut import Uncut
from search_spaces.axes import AXES
from search_spaces.errors import UsageError


@dataclass(frozen=True)
class Range:
    """What was measured on an axis."""

    axis: str
    low: int
    high: int

    def __str__(self) -> str:
        """ "the measured lengths 16 to 128 tokens"."""
        axis = AXES[self.axis]
        unit = f" {axis.unit}" if self.axis == "max_seq_len" else ""  # layers are what a depth is
        return f"the measured {axis.plural} {self.low} to {self.high}{unit}"


@dataclass(frozen=True)
class Prediction:
    """J per example with a 95 % prediction interval (None: unknown), and the line that gave it."""

    max_seq_len: int
    depth: int
    precision: str
    tokens_per_example: float
    energy_j_per_example: float
    low: float | None
    high: float | None
    fit: Fit
    beyond: tuple[Range, ...]  # the measured ranges that the configuration lies outside of
    measured_j_per_example: float | None  # where this very configuration was measured
    estimated: bool
    uncut: Uncut | None = None  # of the model: depth moves nothing
    short_windows: int = 0  # of the model: trials with windows too short, kept on request


def predict(model: EnergyModel, max_seq_len: int, depth: int, precision: str, extrapolate: bool = False) -> Prediction:
    """Energy of one configuration from the fit of its precision.

    Raises UsageError outside the measured lengths and depths, unless `extrapolate`, and CannotAnswer where there is no
    fit that knows this depth or the line gives no energy above zero.
    """
    fit = _choose(model, depth, precision)
    beyond = _beyond(fit, max_seq_len, depth)
    if beyond and not extrapolate:
        raise UsageError(
            f"a prediction must lie within what was measured, but {max_seq_len} tokens at depth {depth} is beyond "
            f"{' and '.join(map(str, beyond))}; add --extrapolate to answer all the same"
        )
    tokens = _at_limit(model.tokens_by_max_seq_len, max_seq_len)
    inputs = _at_limit(model.inputs_by_max_seq_len, max_seq_len, proportional=False)
    layers = float(depth) if fit.by_depth else 1.0
    x = design(fit.terms, *(np.array([v]) for v in (inputs, layers, tokens)))[0]
    value = float(sum(a * c.value for a, c in zip(x, fit.coefficients, strict=True)))
    if value <= 0:
        raise CannotAnswer(
            f"{fit.formula} gives {value:.3g} J/example at {max_seq_len} tokens and depth {depth}: the line does "
            "not reach that far."
        )
    low = high = None
    if np.isfinite(fit.covariance).all():
        of_line = float(x @ fit.covariance @ x)
        error = math.sqrt(max(of_line, 0.0) + fit.scatter_j(value) ** 2)
        half = float(stdtrit(fit.freedom, 0.975)) * error
        low, high = max(value - half, 0.0), value + half
    return Prediction(
        max_seq_len=max_seq_len,
        depth=depth,
        precision=precision,
        tokens_per_example=tokens,
        energy_j_per_example=value,
        low=low,
        high=high,
        fit=fit,
        beyond=beyond,
        measured_j_per_example=_measured(model, max_seq_len, depth, precision),
        estimated=model.estimated,
        uncut=model.uncut,
        short_windows=model.short_windows,
    )


def _choose(model: EnergyModel, depth: int, precision: str) -> Fit:
    fit = model.fit_for(precision, DEPTH_LENGTH)
    if fit is not None:
        return fit
    fit = model.fit_for(precision, LENGTH)
    if fit is None:
        known = sorted({f.precision for f in model.fits})
        raise UsageError(
            f"precision must be one with a fit ({', '.join(known) or 'none'}), but got {precision!r}; measure it"
        )
    if depth != fit.depth_range[0]:
        raise CannotAnswer(
            f"Depth {depth} at {precision} cannot be predicted: only depth {fit.depth_range[0]} was measured."
        )
    return fit


def _beyond(fit: Fit, max_seq_len: int, depth: int) -> tuple[Range, ...]:
    lengths = fit.residuals["max_seq_len"]
    known = (
        (max_seq_len, Range("max_seq_len", int(lengths.min()), int(lengths.max()))),
        (depth, Range("depth", *fit.depth_range)),
    )
    return tuple(measured for asked, measured in known if not measured.low <= asked <= measured.high)


def _measured(model: EnergyModel, max_seq_len: int, depth: int, precision: str) -> float | None:
    table = model.measured
    same = (table["max_seq_len"] == max_seq_len) & (table["depth"] == depth) & (table["precision"] == precision)
    found = table.loc[same, "energy_j_per_example"]
    return float(found.iloc[0]) if len(found) else None


def _at_limit(known: Sequence[tuple[int, float]], max_seq_len: int, proportional: bool = True) -> float:
    """Tokens processed, or inputs, at a limit: straight lines between the measured limits, the outer ones
    carried on. A single limit says more only of what is `proportional` to it."""
    if len(known) == 1:
        limit, value = known[0]
        return value * max_seq_len / limit if proportional else value
    right = next((i for i, (limit, _) in enumerate(known) if limit >= max_seq_len and i > 0), len(known) - 1)
    (x0, y0), (x1, y1) = known[right - 1], known[right]
    return y0 + (y1 - y0) * (max_seq_len - x0) / (x1 - x0)
