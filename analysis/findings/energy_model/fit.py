"""The lines of one precision: a + b x tokens at one depth, and a + b x depth x tokens (+ c x depth x tokens^2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.energy_model.terms import design, formula, inputs_of
from analysis.findings.plain import finite
from analysis.statistics.arrays import Floats
from analysis.statistics.least_squares import Fitted, ordinary_least_squares, relative_least_squares, wants_more

LENGTH, DEPTH_LENGTH = "length", "depth_length"  # kinds of fit
UNITS = {
    LENGTH: {"a": "J", "b": "J per token"},
    DEPTH_LENGTH: {"a": "J", "b": "J per token-layer", "c": "J per token^2-layer"},
}


@dataclass(frozen=True)
class Coefficient:
    """One term of a line, with robust (HC3) 95 % limits; None where one point alone determines it."""

    name: str  # a, b, c
    value: float
    low: float | None
    high: float | None
    unit: str


@dataclass(frozen=True)
class Attention:
    """Cross-validation of the term c: the error of predicting left-out configurations without and with it."""

    kept: bool
    loo_rms_percent_without: float | None  # None: too few lengths or configurations to try
    loo_rms_percent_with: float | None

    @property
    def tried(self) -> bool:
        return self.loo_rms_percent_without is not None


@dataclass(frozen=True)
class Fit:
    """One fitted line for one precision. Errors are in percent of the measured energy, null where unknown.

    `residuals` has a row per configuration: configuration, max_seq_len, depth, tokens_per_example, inputs_per_example,
    energy_j_per_example, fitted_j_per_example, residual_percent, loo_percent.
    """

    kind: str  # LENGTH or DEPTH_LENGTH
    precision: str
    coefficients: tuple[Coefficient, ...]
    covariance: Floats  # (p, p), HC3; NaN where one point alone determines a coefficient
    configurations: int
    trials: int
    freedom: int
    relative_sd: float
    sd_j: float  # J, of the residuals
    ordinary: bool  # by least squares with errors of one size; else with errors in proportion to energy
    r2: float | None
    loo_median_percent: float | None
    loo_rms_percent: float | None
    loo_max_percent: float | None
    residuals: pd.DataFrame
    tokens_per_input_range: tuple[float, float]
    depth_range: tuple[int, int]
    attention: Attention | None = None  # of a fit over depth

    def coefficient(self, name: str) -> Coefficient:
        return next(c for c in self.coefficients if c.name == name)

    @property
    def terms(self) -> list[str]:
        return [c.name for c in self.coefficients]

    @property
    def by_depth(self) -> bool:
        return self.kind == DEPTH_LENGTH

    @property
    def one_input(self) -> bool:
        """Every example is one model input."""
        return bool(np.allclose(self.residuals["inputs_per_example"], 1.0))

    def scatter_j(self, energy_j: float) -> float:
        """Standard deviation (J) of one configuration about the line, where it gives this energy."""
        return self.sd_j if self.ordinary else self.relative_sd * energy_j

    @property
    def formula(self) -> str:
        """ "E = a + b * depth * tokens"."""
        return formula(self.terms, self.by_depth, self.one_input)


def length_fit(points: pd.DataFrame, precision: str, ordinary: bool = False) -> Fit:
    """E = a + b * tokens over configurations of one depth and precision.

    Raises CannotAnswer where they are too few or do not differ in length.
    """
    what = f"Energy against length at {precision}"
    inputs, tokens = inputs_of(points), points["tokens_per_example"].to_numpy(dtype=float)
    result = _solve(design(["a", "b"], inputs, np.ones_like(tokens), tokens), points, what, "lengths", ordinary)
    return _fit(LENGTH, precision, ["a", "b"], result, points, None, ordinary)


def depth_fit(points: pd.DataFrame, precision: str, ordinary: bool = False) -> Fit:
    """E = a + b * depth * tokens over configurations of one precision, with c * depth * tokens^2 where leave-one-out
    wants it.

    Raises CannotAnswer where one depth was measured, or they are too few.
    """
    what = f"Energy against depth and length at {precision}"
    inputs = inputs_of(points)
    tokens, depth = (points[c].to_numpy(dtype=float) for c in ("tokens_per_example", "depth"))
    if points["depth"].nunique() < 2:
        raise CannotAnswer(f"{what} cannot be fitted: only depth {int(depth[0])} was measured; measure others.")
    simple = _solve(design(["a", "b"], inputs, depth, tokens), points, what, "configurations", ordinary)
    design_with = design(["a", "b", "c"], inputs, depth, tokens)
    if points["tokens_per_example"].nunique() < 3 or len(points) < 5 or _rank(design_with) < 3:
        return _fit(DEPTH_LENGTH, precision, ["a", "b"], simple, points, Attention(False, None, None), ordinary)
    richer = _least_squares(design_with, points, ordinary)
    kept, rms_without, rms_with = wants_more(simple.loo, richer.loo, _energy(points))
    attention = Attention(kept, 100 * rms_without, 100 * rms_with)
    terms, result = (["a", "b", "c"], richer) if kept else (["a", "b"], simple)
    return _fit(DEPTH_LENGTH, precision, terms, result, points, attention, ordinary)


def _energy(points: pd.DataFrame) -> Floats:
    return points["energy_j_per_example"].to_numpy(dtype=float)


def _least_squares(x: Floats, points: pd.DataFrame, ordinary: bool) -> Fitted:
    return (ordinary_least_squares if ordinary else relative_least_squares)(x, _energy(points))


def _rank(x: Floats) -> int:
    return int(np.linalg.matrix_rank(x / np.abs(x).max(axis=0)))


def _solve(x: Floats, points: pd.DataFrame, what: str, of: str, ordinary: bool) -> Fitted:
    n, p = x.shape
    if n <= p:
        raise CannotAnswer(
            f"{what} cannot be fitted: {n} {of if n != 1 else of.removesuffix('s')} for {p} coefficients; "
            f"at least {p + 1} are needed."
        )
    if _rank(x) < p:
        raise CannotAnswer(f"{what} cannot be fitted: the {of} do not differ; measure others.")
    return _least_squares(x, points, ordinary)


def _fit(
    kind: str,
    precision: str,
    terms: list[str],
    result: Fitted,
    points: pd.DataFrame,
    attention: Attention | None,
    ordinary: bool,
) -> Fit:
    limits = zip(terms, result.coefficients, result.low, result.high, strict=True)
    residuals = _residuals(points, result)
    errors = residuals["loo_percent"].abs().dropna().to_numpy(dtype=float)
    tokens = residuals["tokens_per_example"] / residuals["inputs_per_example"]
    return Fit(
        kind=kind,
        precision=precision,
        coefficients=tuple(
            Coefficient(name, float(v), finite(low), finite(high), UNITS[kind][name]) for name, v, low, high in limits
        ),
        covariance=result.covariance,
        configurations=len(points),
        trials=int(points["n_trials"].sum()),
        freedom=result.freedom,
        relative_sd=result.relative_sd,
        sd_j=result.sd,
        ordinary=ordinary,
        r2=finite(result.r2),
        loo_median_percent=float(np.median(errors)) if len(errors) else None,
        loo_rms_percent=float(np.sqrt((errors**2).mean())) if len(errors) else None,
        loo_max_percent=float(errors.max()) if len(errors) else None,
        residuals=residuals,
        tokens_per_input_range=(float(tokens.min()), float(tokens.max())),
        depth_range=(int(points["depth"].min()), int(points["depth"].max())),
        attention=attention,
    )


def _residuals(points: pd.DataFrame, result: Fitted) -> pd.DataFrame:
    energy = _energy(points)
    fitted = np.where(result.fitted == 0, np.nan, result.fitted)
    loo = result.loo / energy
    return pd.DataFrame(
        {
            "configuration": points["configuration"].to_numpy(),
            "max_seq_len": points["max_seq_len"].to_numpy(dtype=int),
            "depth": points["depth"].to_numpy(dtype=int),
            "tokens_per_example": points["tokens_per_example"].to_numpy(dtype=float),
            "inputs_per_example": inputs_of(points),
            "energy_j_per_example": energy,
            "fitted_j_per_example": result.fitted,
            "residual_percent": 100 * (energy / fitted - 1),
            "loo_percent": 100 * (np.where(np.isfinite(loo), loo, np.nan) - 1),
        }
    )
