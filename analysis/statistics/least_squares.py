"""Least squares, relative or ordinary, with robust intervals and leave-one-out: pure arrays, statsmodels inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from statsmodels.regression.linear_model import WLS

from analysis.statistics.arrays import Floats

MAX_ROUNDS = 50


@dataclass(frozen=True)
class Fitted:
    """Result for n points and p terms, all in the units of y."""

    coefficients: Floats  # (p,)
    low: Floats  # (p,) 95 % limits, HC3 covariance and Student-t with n - p degrees of freedom
    high: Floats
    covariance: Floats  # (p, p), HC3; NaN where one point alone determines a coefficient
    fitted: Floats  # (n,)
    loo: Floats  # (n,) prediction of each point by a fit without it; NaN where that fit is impossible
    r2: float  # weighted, as the fit is
    relative_sd: float  # sqrt(sum of squared relative residuals / (n - p))
    sd: float  # the same of the residuals themselves, in the units of y
    freedom: int


def ordinary_least_squares(x: Floats, y: Floats) -> Fitted:
    """Fit y = x @ beta with errors of one size, as published lines mostly are: what is largest decides.

    As `relative_least_squares` otherwise, HC3 included.
    """
    design, scale = _scaled(x)
    return _fitted(design, scale, y, np.ones_like(y))


def relative_least_squares(x: Floats, y: Floats) -> Fitted:
    """Fit y = x @ beta with errors proportional to y: weights 1 / fitted^2, iterated until they settle.

    Energy is power x time, each with errors of some percent, so a configuration ten times as costly has ten
    times the error: ordinary least squares would fit the longest inputs only. Weights from the fitted values
    (a gamma model with identity link) rather than from y, since 1 / y^2 favours points that came out low by
    chance. HC3 (MacKinnon and White 1985; Long and Ervin 2000) because what the line leaves over is mostly
    lack of fit, not noise of equal relative size.

    x: (n, p) of full rank with n > p; y: (n,) above zero.
    """
    design, scale = _scaled(x)
    guess = y.copy()
    for _ in range(MAX_ROUNDS):
        beta = np.linalg.lstsq(design / guess[:, None], y / guess, rcond=None)[0]
        new = design @ beta
        if (new <= 0).any():  # a line through zero inside the data: fall back on the measured values
            guess = y.copy()
            break
        done = np.allclose(new, guess, rtol=1e-10)
        guess = new
        if done:
            break
    return _fitted(design, scale, y, guess)


def _scaled(x: Floats) -> tuple[Floats, Floats]:
    """The columns brought to at most 1, and what each was divided by."""
    scale = np.abs(x).max(axis=0)
    scale[scale == 0] = 1.0
    return x / scale, scale


def _fitted(design: Floats, scale: Floats, y: Floats, guess: Floats) -> Fitted:
    """`guess`: what each point's error is proportional to, (n,)."""
    n, p = design.shape
    model = WLS(y, design, weights=1 / guess**2)
    plain = model.fit()
    root = design / guess[:, None]
    leverage = np.einsum("ij,jk,ik->i", root, np.linalg.pinv(root.T @ root), root)
    residual = y - plain.fittedvalues
    alone = leverage > 1 - 1e-9
    loo = y - np.divide(residual, 1 - leverage, out=np.full(n, np.nan), where=~alone)
    if alone.any():
        low = high = np.full(p, np.nan)
        covariance = np.full((p, p), np.nan)
    else:
        robust = plain.get_robustcov_results("HC3", use_t=True)
        interval = robust.conf_int(0.05)
        low, high = interval[:, 0] / scale, interval[:, 1] / scale
        covariance = robust.cov_params() / np.outer(scale, scale)
    weights = 1 / guess**2
    mean = (weights * y).sum() / weights.sum()
    total = (weights * (y - mean) ** 2).sum()
    r2 = float(1 - (weights * residual**2).sum() / total) if total > 0 else float("nan")
    relative = residual / plain.fittedvalues
    return Fitted(
        coefficients=plain.params / scale,
        low=low,
        high=high,
        covariance=covariance,
        fitted=np.asarray(plain.fittedvalues),
        loo=loo,
        r2=r2,
        relative_sd=float(np.sqrt((relative**2).sum() / (n - p))),
        sd=float(np.sqrt((residual**2).sum() / (n - p))),
        freedom=n - p,
    )


def wants_more(simple: Floats, richer: Floats, y: Floats) -> tuple[bool, float, float]:
    """Does cross-validation want the richer model? (answer, rms relative error of the simple one, of the
    richer one).

    Squared leave-one-out relative errors must fall by more than twice the standard error of their mean
    difference: without that margin a useless term is kept in a third of all cases.
    """
    both = np.isfinite(simple) & np.isfinite(richer)
    a, b = (simple[both] / y[both] - 1) ** 2, (richer[both] / y[both] - 1) ** 2
    if both.sum() < 3:
        return False, float("nan"), float("nan")
    gain = a - b
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    rms = float(np.sqrt(a.mean())), float(np.sqrt(b.mean()))
    return bool(rms[0] > 1e-9 and gain.mean() > 2 * error), *rms
