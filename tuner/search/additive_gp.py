"""A sampler that knows how the axes act: mostly one by one. Gaussian processes with an additive kernel.

Depth costs accuracy at any length, fp16 saves energy at any depth: what an axis does alone explains most of what is
measured, pairs of axes most of the rest. A kernel that says so (additive Gaussian processes, Duvenaud, Nickisch and
Rasmussen 2011: first order, second order, and all axes at once) learns from one measurement about every configuration
that shares an axis's value; the usual product kernel, Optuna's, only about its neighbours.

The next point has the largest expected hypervolume improvement, which is the integral over all objective vectors u that
the frontier leaves free of the probability that the point reaches u: independent normals, u drawn at random. Limits
multiply by the probability of being kept.

And one thing is known beforehand: with the same weights fewer layers, fewer tokens or a coarser precision do not make
a model more accurate. A configuration below one that is at chance is not worth a trial, however cheap it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import ndtr

from search_spaces.axes import reducing_axes
from search_spaces.objectives import score_names
from search_spaces.precisions import PRECISIONS
from search_spaces.search_space import Point, SearchSpace
from tuner.search.points import distributions

Floats = npt.NDArray[np.float64]

# Logs of: variance of single axes, of pairs, of all at once, of noise; length scale of an ordered axis over its range.
PRIOR_MEAN = np.log([1.0, 0.1, 0.03, 0.003, 0.5])
PRIOR_SD = np.array([1.0, 1.0, 1.0, 1.5, 0.5])
DRAWS, KEPT = 8192, 512  # objective vectors tried, and used of those that the frontier leaves free
MOST_CANDIDATES = 4096  # of a large space, drawn anew for every proposal
TOLERANCE = 0.01  # a cut model was up to 0.3 points better than the whole one on SST-2 (EXPERIMENTS.md)
EXCESS_LIMIT = 1.0  # a limit missed by more (or a value missing) counts as missed by 100 %


class AdditiveSampler(BaseSampler):
    """Proposes a whole point of the space that no trial of the study has."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self.space = space
        self._rng = np.random.default_rng(seed)
        self._params = [space.params(p) for p in space.points]
        kinds = list(space.distributions.items())
        self._free = [i for i, (_, kind) in enumerate(kinds) if (kind if isinstance(kind, int) else len(kind)) > 1]
        self._ordered = np.array([isinstance(kinds[i][1], int) for i in self._free])
        self._positions = np.array([self._position(p) for p in self._params], dtype=float)

    def _position(self, params: dict[str, Any]) -> list[float]:
        """Of the free axes: place in [0, 1] where ordered, number of the name otherwise."""
        found = []
        for name, kind in self.space.distributions.items():
            if isinstance(kind, int):
                found.append(params[name] / max(kind - 1, 1))
            else:
                found.append(float(kind.index(params[name])))
        return [found[i] for i in self._free]

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return distributions(self.space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        names = set(self.space.distributions)
        known = [t for t in study.get_trials(deepcopy=False) if names <= t.params.keys()]
        told = [t for t in known if t.state == TrialState.COMPLETE]
        seen = {tuple(self._position(t.params)) for t in known}
        left = [i for i, p in enumerate(self._positions.tolist()) if tuple(p) not in seen]
        if not left:
            return dict(self._params[int(self._rng.integers(len(self._params)))])  # the caller knows what to do
        if len(left) > MOST_CANDIDATES:
            left = sorted(self._rng.choice(left, MOST_CANDIDATES, replace=False).tolist())
        if len(told) < 2 or not self._free:
            return dict(self._params[left[int(self._rng.integers(len(left)))]])
        signs = [1 if d == StudyDirection.MINIMIZE else -1 for d in study.directions]
        scores = np.array([t.values for t in told]) * signs
        limits = [[t.constraints[k] for t in told] for k in sorted(told[0].constraints)]
        at = np.array([self._position(t.params) for t in told])
        best = np.full((len(left), len(signs)), -np.inf)  # no candidate's score is below this
        for d, name in enumerate(study.metric_names or ()):
            if name in score_names():
                best[:, d] = self._ceiling([self.space.point(t.params) for t in told], scores[:, d], left)
        excess = np.array(limits).clip(-EXCESS_LIMIT, EXCESS_LIMIT)
        gain = self._gain(at, scores, excess, self._positions[left], best)
        return dict(self._params[left[int(np.argmax(gain))]])

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError("every parameter is proposed together")

    def _ceiling(self, measured: list[Point], scores: Floats, left: list[int]) -> Floats:
        """The least score (minus accuracy) of each point left, by those measured that keep at least as much of the same
        model."""
        kept, models = self._kept_of_the_model(measured), np.array([self._model(p) for p in measured], dtype=object)
        found = np.full(len(left), -np.inf)
        points = [self.space.points[j] for j in left]
        for i, own in enumerate(self._kept_of_the_model(points)):
            above = (kept >= own).all(axis=1) & (models == self._model(points[i]))
            if above.any():
                found[i] = scores[above].max() - TOLERANCE
        return found

    def _gain(self, at: Floats, scores: Floats, limits: Floats, candidates: Floats, best: Floats) -> Floats:
        """Expected hypervolume improvement of each candidate, times its chance to keep the limits; any unit."""
        models = [Additive(at, y, self._ordered) for y in scores.T]
        means, deviations = np.array([m.predict(candidates) for m in models]).transpose(1, 0, 2)
        kept = (limits <= 0).all(axis=0) if len(limits) else np.ones(len(scores), bool)
        free = self._free_vectors(scores[kept], scores, means - deviations)
        gain = np.ones((len(free), len(candidates)))
        for u, mean, deviation, least in zip(free.T, means, deviations, best.T, strict=True):
            gain *= ndtr((u[:, None] - mean) / deviation) * (u[:, None] >= least)
        total: Floats = gain.sum(axis=0)
        for excess in limits:
            mean, deviation = Additive(at, excess, self._ordered).predict(candidates)
            total *= ndtr(-mean / deviation)
        return total

    def _free_vectors(self, front: Floats, scores: Floats, optimistic: Floats) -> Floats:
        """Objective vectors, drawn evenly, that nothing measured is at least as good as."""
        low = np.minimum(scores.min(axis=0), optimistic.min(axis=1))
        high = scores.max(axis=0)
        draws: Floats = low + (high - low) * self._rng.random((DRAWS, scores.shape[1]))
        taken = np.zeros(DRAWS, bool)
        for point in front:
            taken |= (point <= draws).all(axis=1)
        return draws[~taken][:KEPT]

    def _model(self, point: Point) -> str:
        return str(self.space.named(point).get("model", self.space.model))

    def _kept_of_the_model(self, points: list[Point]) -> npt.NDArray[np.int64]:
        """(points, reducing axes + 1): tokens, layers, exactness; more is more of the model."""
        named = map(self.space.named, points)
        return np.array([[*(p[a] for a in reducing_axes()), -PRECISIONS.rank(p["precision"])] for p in named])


class Additive:
    """A Gaussian process of one score over the axes, its few hyperparameters at their posterior's mode.

    Args:
        at: (n, axes) positions in [0, 1] of ordered axes, numbers of names of the others.
        y: (n,) scores.
        ordered: (axes,) which is which.
    """

    def __init__(self, at: Floats, y: Floats, ordered: npt.NDArray[np.bool_]) -> None:
        self.at, self.ordered = at, ordered
        self.shift, self.scale = float(y.mean()), float(y.std()) or 1.0
        self.y = (y - self.shift) / self.scale
        self.theta = minimize(self._loss, PRIOR_MEAN, method="L-BFGS-B", options={"maxiter": 20}).x
        self._factor, self._weights = self._solve(self.theta)

    def predict(self, at: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (without noise) at positions (m, axes)."""
        cross = self._kernel(at, self.at, self.theta)
        own = float(np.exp(self.theta[:3]).sum())
        variance = own - np.einsum("ij,ji->i", cross, cho_solve(self._factor, cross.T))
        deviation = np.sqrt(np.maximum(variance, 1e-6))
        return self.shift + self.scale * (cross @ self._weights), self.scale * deviation

    def _kernel(self, a: Floats, b: Floats, theta: Floats) -> Floats:
        """(len(a), len(b)): what single axes, pairs and all axes together share, each normalised to its variance."""
        one, two, all_, _, length = np.exp(theta)
        apart = a[:, None, :] - b[None, :, :]
        near = np.where(self.ordered, np.exp(-0.5 * (apart / length) ** 2), apart == 0)
        axes = near.shape[-1]
        total = near.sum(axis=-1)
        kernel = one * total / axes + all_ * near.prod(axis=-1)
        pairs = (total**2 - (near**2).sum(axis=-1)) / 2  # each pair once
        kernel += two * (pairs / (axes * (axes - 1) / 2) if axes > 1 else total)
        return np.asarray(kernel)

    def _solve(self, theta: Floats) -> tuple[tuple[Floats, bool], Floats]:
        covariance = self._kernel(self.at, self.at, theta)
        covariance[np.diag_indices(len(covariance))] += np.exp(theta[3]) + 1e-8
        factor = cho_factor(covariance, lower=True)
        return factor, cho_solve(factor, self.y)

    def _loss(self, theta: Floats) -> float:
        """Negative log posterior of the hyperparameters, up to a constant."""
        try:
            (lower, _), weights = self._solve(theta)
        except np.linalg.LinAlgError:
            return 1e9
        fit = 0.5 * float(self.y @ weights) + float(np.log(np.diag(lower)).sum())
        return fit + 0.5 * float((((theta - PRIOR_MEAN) / PRIOR_SD) ** 2).sum())
