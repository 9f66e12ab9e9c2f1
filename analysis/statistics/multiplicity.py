"""Having compared many: p values corrected by the distribution of the largest statistic of all (max-T).

Step-down (Westfall and Young, "Resampling-based multiple testing", 1993, algorithm 2.8; Romano and Wolf, Journal of the
American Statistical Association 100, 94, 2005), with normal draws instead of a bootstrap: one that resamples examples
has no spread where no prediction flips. Each difference has the variance of its own score statistic at the margin
(`analysis.statistics.paired`), of which the examples explain a part; that part is shared between configurations as it
is in the examples, the rest counts as independent, which is cautious. Configurations that answer every example alike
are one hypothesis. `benchmarks.experiments.multiplicity` compares it with others on recorded predictions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri
from statsmodels.stats.multitest import multipletests

from analysis.statistics.arrays import Floats
from analysis.statistics.paired import ALPHA

DRAWS = 20_000
MOST = 300  # different hypotheses: for more Holm's correction stands alone, since the two then hardly differ
_CHUNK = 2_000


def holm(p: Floats) -> Floats:
    """p values adjusted for having tested all of them (Holm 1979, step-down: family-wise)."""
    return np.asarray(multipletests(p, method="holm")[1])


def corrected(p: Floats, differences: Sequence[Floats], variance: Floats) -> tuple[Floats, int]:
    """(p values corrected by `max_t`, (m,), number of different hypotheses among them). Arguments as there; equal
    differences are one hypothesis, and each that is not paired is one of its own."""
    found: dict[object, int] = {}
    which = [
        found.setdefault(d.tobytes() if np.isfinite(d).all() else i, len(found)) for i, d in enumerate(differences)
    ]
    _, first = np.unique(which, return_index=True)
    return max_t(p[first], np.stack([differences[i] for i in first]), variance[first])[which], len(first)


def max_t(p: Floats, differences: Floats, variance: Floats) -> Floats:
    """Corrected p values of (m,) different hypotheses "worse by the tolerance or more".

    `differences`: (m, examples), the candidate's correctness minus the baseline's on each, NaN where predictions are
    not paired: such a row counts as independent. `variance`: (m,) of one example at the margin.
    """
    cautious = holm(p)
    if not 1 < len(p) <= MOST:
        return cautious
    z = -ndtri(np.clip(p, 1e-300, 1))
    order = np.argsort(-z, kind="stable")
    factor = np.linalg.cholesky(_correlation(differences[order], variance[order]))
    rng = np.random.default_rng(0)  # the same rows give the same verdict
    beyond = np.zeros(len(z))
    for _ in range(DRAWS // _CHUNK):
        drawn = rng.standard_normal((_CHUNK, len(z))) @ factor.T
        largest = np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]  # of this hypothesis and all that follow
        beyond += (largest >= z[order]).sum(axis=0)
    found = np.empty(len(z))
    found[order] = np.maximum.accumulate((beyond + 1) / (DRAWS + 1))
    return np.minimum(found, cautious)


def _correlation(differences: Floats, variance: Floats) -> Floats:
    known = np.isfinite(differences).all(axis=1)
    spread = np.where(np.reshape(known, (-1, 1)), differences, 0.0)
    spread = spread - spread.mean(axis=1, keepdims=True)
    shared = spread @ spread.T / spread.shape[1]
    total = np.maximum(variance, np.diag(shared)) + 1e-12
    found = shared / np.sqrt(np.outer(total, total))
    np.fill_diagonal(found, 1 + 1e-9)
    return np.asarray(found)


def needed_z(hypotheses: int, alpha: float = ALPHA) -> float:
    """What the largest of so many independent statistics exceeds in 5 % of cases: what one must reach to pass first."""
    return -float(ndtri(1 - (1 - alpha) ** (1 / hypotheses)))


def examples_needed(hypotheses: int, tolerance: float, alpha: float = ALPHA) -> int:
    """Examples from which on a configuration that answers all of them as the baseline does passes among so many.

    Tango's statistic at zero flips is sqrt(n t / (1 - t)) for the tolerance t.
    """
    return math.ceil(needed_z(hypotheses, alpha) ** 2 * (1 - tolerance) / tolerance)
