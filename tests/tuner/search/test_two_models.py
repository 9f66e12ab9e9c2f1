"""A search over two models: every sampler proposes each point once; what a cut costs one says nothing of the other."""

from collections import Counter

import optuna
import pytest

from search_spaces.models import Limits
from search_spaces.samplers import SAMPLERS
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import Axes, SweepConfig
from tests.tuner.search.test_additive_gp import propose, study_of
from tuner.search.points import distributions, taken
from tuner.search.sampler import make_sampler

CONFIG = SweepConfig(model=("big", "small"), axes=Axes((16, 32), None, ("fp32", "fp16")))
SPACE = SearchSpace.of(CONFIG, [Limits(12, 512), Limits(3, 512)], "cuda")


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_proposes_every_point_of_both_models_once(name):
    axes = Axes((16, 32), None, ("fp32",))
    space = SearchSpace.of(SweepConfig(model=("big", "small"), axes=axes), [Limits(4, 512), Limits(2, 512)], "cpu")
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make_sampler(name, space, 0))
    found = []
    for _ in space.points:
        trial = study.ask(distributions(space))
        point = space.point(trial.params)
        found.append(point)
        deep = space.named(point)["depth"] / (4 if point[0] == "big" else 2)
        study.tell(trial, (0.5 + 0.4 * deep, -1 - (point[0] == "small") + deep))
    assert sorted(found) == sorted(space.points)
    assert len(taken(study, space)) == len(space.points) == 2 * 4 + 2 * 2


def point(model, tokens, depth, precision="fp32"):
    return (model, tokens, depth, precision, 64, "max_length", "eager")


def test_a_model_at_chance_says_nothing_of_what_another_keeps():
    rows = {
        point("big", 32, 12): (0.93, -1.0),
        point("big", 32, 10): (0.50, -1.1),
        point("big", 32, 2): (0.50, -1.6),
        point("small", 32, 3): (0.92, -1.5),
        point("big", 16, 12): (0.90, -1.3),
    }
    chosen = Counter(propose(study_of(rows, SPACE), seed, SPACE)[0] for seed in range(6))
    assert chosen["small"] >= 4, "what the whole of it keeps, in fp16 or shorter, may be kept for less"
    proposed = [propose(study_of(rows, SPACE), seed, SPACE) for seed in range(6)]
    assert all(p[2] == 12 for p in proposed if p[0] == "big"), "no cut of the one that does not bear it"
