"""Optuna's own samplers, set up for searches of tens of trials that begin with start points of their own."""

from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from search_spaces.search_space import SearchSpace


def gp(_: SearchSpace, seed: int) -> BaseSampler:
    """Gaussian processes with a product kernel."""
    return GPSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)


def tpe(_: SearchSpace, seed: int) -> BaseSampler:
    """Parzen estimators over all parameters together; running trials count as bad ones."""
    return TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)


def nsga2(_: SearchSpace, seed: int) -> BaseSampler:
    """NSGA-II. Optuna's population of 50 would be one generation of random points."""
    return NSGAIISampler(seed=seed, population_size=8)


def uniform(_: SearchSpace, seed: int) -> BaseSampler:
    """Every point alike."""
    return RandomSampler(seed=seed)
