"""The points of a search space as an Optuna study has them."""

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from search_spaces.search_space import Point, SearchSpace

INTERRUPTED = "interrupted"  # user attribute of a trial that a kill cut off: its point may be tried again


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Parameter -> its values: ordered axes as steps, names as categories."""
    return {
        name: IntDistribution(0, kind - 1) if isinstance(kind, int) else CategoricalDistribution(kind)
        for name, kind in space.distributions.items()
    }


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
