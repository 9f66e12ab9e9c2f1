"""The sampler of a search: one of `search_spaces.samplers`, kept from proposing a configuration twice."""

import pkgutil
import random
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search_spaces.samplers import SAMPLERS
from search_spaces.search_space import Point, SearchSpace
from tuner.search.points import distributions, taken

ASKS = 5  # a sampler is asked so often for a point not yet proposed; then the nearest such point is taken


def make_sampler(name: str, space: SearchSpace, seed: int) -> "UnseenSampler":
    """The sampler that is registered under a name. UsageError for an unknown one."""
    make = pkgutil.resolve_name(SAMPLERS[name].factory)
    return UnseenSampler(make(space, seed), space, seed)


class UnseenSampler(BaseSampler):
    """Asks `inner` for a whole point, again where the point is taken or cannot run, and then goes to the
    nearest one left. Rejected proposals never become trials of the study."""

    def __init__(self, inner: BaseSampler, space: SearchSpace, seed: int) -> None:
        self.inner, self.space = inner, space
        self._distributions = distributions(space)
        self._rng = random.Random(seed)  # noqa: S311 (ties, not secrets)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if "fixed_params" in trial.system_attrs:
            return {}  # a start point: nothing is sampled
        seen = taken(study, self.space, but=trial.number)
        point: Point = ()
        for _ in range(ASKS):
            point = self._propose(study, trial)
            if point not in seen and self.space.allows(point):
                return self.space.params(point)
        left = self.space.nearest(point, seen, self._rng)
        if left is None:
            raise RuntimeError("the space is exhausted; ask `taken` before asking for a point")
        return self.space.params(left)

    def _propose(self, study: optuna.Study, trial: FrozenTrial) -> Point:
        free = {name: d for name, d in self._distributions.items() if not d.single()}
        params = self.inner.sample_relative(study, trial, free)
        for name, distribution in self._distributions.items():
            if name not in params:
                params[name] = self.inner.sample_independent(study, trial, name, distribution)
        return self.space.point(params)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.inner.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self.inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self.inner.reseed_rng()
