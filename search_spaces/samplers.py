"""The samplers: how a search chooses its next configuration. None proposes one twice."""

from dataclasses import dataclass

from search_spaces.registry import Registry


@dataclass(frozen=True)
class Sampler:
    """`factory` is "module:function", imported when a search needs it. Called with a `SearchSpace` and a seed, it
    returns an Optuna sampler."""

    name: str
    meaning: str
    factory: str


SAMPLERS: Registry[Sampler] = Registry(
    "a sampler",
    (
        Sampler(
            "additive",
            "Gaussian processes whose axes act mostly one by one",
            "tuner.search.additive_gp:AdditiveSampler",
        ),
        Sampler("gp", "Optuna's Gaussian processes", "tuner.search.optuna_samplers:gp"),
        Sampler("tpe", "tree-structured Parzen estimators", "tuner.search.optuna_samplers:tpe"),
        Sampler("nsga2", "a genetic algorithm", "tuner.search.optuna_samplers:nsga2"),
        Sampler("random", "what the others must beat", "tuner.search.optuna_samplers:uniform"),
    ),
)
