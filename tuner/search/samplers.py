"""Optuna's samplers by name, wrapped so that no configuration is proposed twice and none that cannot run."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from search_spaces.search_space import Point, SearchSpace
from tuner.search.additive_gp import AdditiveSampler

ASKS = 5  # a sampler is asked so often for a point not yet proposed; then the nearest such point is taken
INTERRUPTED = "interrupted"  # user attribute of a trial that a kill cut off: its point may be tried again


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The space as Optuna has it: ordered axes as steps, names as categories."""
    return {
        name: IntDistribution(0, kind - 1) if isinstance(kind, int) else CategoricalDistribution(kind)
        for name, kind in space.distributions.items()
    }


def _tpe(_: SearchSpace, seed: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)


def _nsga2(_: SearchSpace, seed: int) -> BaseSampler:
    # Budgets are tens of trials: Optuna's population of 50 would be one generation of random points.
    return NSGAIISampler(seed=seed, population_size=8)


def _gp(_: SearchSpace, seed: int) -> BaseSampler:
    return GPSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)


SAMPLERS: dict[str, Callable[[SearchSpace, int], BaseSampler]] = {
    "additive": AdditiveSampler,
    "gp": _gp,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": lambda _, seed: RandomSampler(seed=seed),
}


def make_sampler(name: str, space: SearchSpace, seed: int) -> BaseSampler:
    """The sampler of that name (of `search_spaces.search_config.SAMPLER_NAMES`)."""
    return UnseenSampler(SAMPLERS[name](space, seed), space, seed)


def taken(study: optuna.Study, space: SearchSpace, but: int | None = None) -> set[Point]:
    """Points of the space that are measured, running or waiting; trial number `but` does not count."""
    names = set(space.distributions)
    found = set()
    for trial in study.get_trials(deepcopy=False):
        if trial.number == but or trial.user_attrs.get(INTERRUPTED):
            continue
        params = trial.system_attrs.get("fixed_params") or trial.params
        if names <= params.keys():
            found.add(space.point(params))
    return found


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
