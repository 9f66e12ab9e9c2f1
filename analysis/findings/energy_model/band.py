"""The fitted line of an energy model with the confidence band of its mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.findings.energy_model.fit import Fit
from analysis.findings.energy_model.terms import design


def fitted_band(fit: Fit, steps: int = 60) -> pd.DataFrame:
    """`work`, `mean`, `low`, `high`: the energy (J) of one input over the measured range with the 95 % band of its mean
    (Student-t, from the fit's covariance), null where it is unknown.

    `work` is the tokens of the input, times the layers where the fit is over depth; there the line is that of the full
    depth, and begins at the tokens which cost the full depth as much as the shortest input costs the least.
    """
    depth = fit.depth_range[1] if fit.by_depth else 1
    least = fit.depth_range[0] / depth if fit.by_depth else 1.0
    shortest, longest = fit.tokens_per_input_range
    tokens = np.linspace(shortest * least, longest, steps)
    x = design(fit.terms, np.ones_like(tokens), np.full_like(tokens, depth), tokens)
    mean = x @ np.array([c.value for c in fit.coefficients])
    half = stdtrit(fit.freedom, 0.975) * np.sqrt(np.einsum("ij,jk,ik->i", x, fit.covariance, x))
    return pd.DataFrame({"work": depth * tokens, "mean": mean, "low": mean - half, "high": mean + half})
