"""The models that a sweep names: what they are called, where they are, what of the axes they have."""

import itertools
from dataclasses import replace

import pytest

from search_spaces.errors import UsageError
from search_spaces.grid import grid, left_out
from search_spaces.models import Limits, NamedModel
from search_spaces.presets import DEMO, SST2
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import Axes, SweepConfig

TWO = replace(SST2, model=("org/big", "small=/models/minilm"), axes=Axes((16, 128), (2, 8, "full"), ("fp32",)))
LIMITS = [Limits(12, 512), Limits(6, 64)]


@pytest.mark.parametrize(
    ("text", "name", "source", "slug"),
    [
        ("org/big", "org/big", "org/big", "big"),
        ("/models/minilm/", "/models/minilm/", "/models/minilm/", "minilm"),
        ("small=/models/minilm", "small", "/models/minilm", "small"),
        ("./a=b/model", "./a=b/model", "./a=b/model", "model"),
        ("small=/models/a=b", "small", "/models/a=b", "small"),
    ],
)
def test_a_model_is_a_hub_id_a_folder_or_a_name_for_one(text, name, source, slug):
    found = NamedModel.of(text)
    assert (found.name, found.source, found.slug) == (name, source, slug)


def test_two_models_of_one_name_are_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"must differ in name.*\['org/bert', './bert'\]; name them, as in first=org/"):
        SweepConfig(model=("org/bert", "./bert"))
    assert [m.name for m in SweepConfig(model=("org/bert", "mine=./bert")).models] == ["org/bert", "mine"]


def test_checkpoints_take_the_place_of_models_and_are_several_too():
    config = SweepConfig(model="base", checkpoint=("a", "b=./c"))
    assert [m.name for m in config.models] == ["a", "b"]
    assert not config.tuned
    assert config.model_of("b").source == "./c"
    with pytest.raises(UsageError, match="one of the sweep's"):
        config.model_of("c")
    with pytest.raises(UsageError, match="--checkpoint must name at least one model"):
        SweepConfig(checkpoint=())


def test_the_model_of_the_baseline_is_the_first_wherever_it_is_named():
    config = replace(TWO, baseline_model="small")
    assert [m.name for m in config.models] == ["small", "org/big"]
    assert SweepConfig.from_dict(config.to_dict()) == config
    assert replace(TWO, baseline_model="big").models == TWO.models, "by its short name"
    space = SearchSpace.of(config, LIMITS[::-1], "cpu")
    assert space.named(space.baseline)["model"] == "small"
    tuned = SweepConfig(model="base", checkpoint=("a", "b=./c"), baseline_model="b")
    assert [m.name for m in tuned.models] == ["b", "a"]
    said = r"--baseline-model must name a model of the sweep \(org/big, small\), but got 'tiny'"
    with pytest.raises(UsageError, match=said):
        replace(TWO, baseline_model="tiny")


def test_one_model_is_written_as_ever_and_several_as_a_list():
    written = DEMO.to_dict()
    assert (written["model"], written["checkpoint"]) == ("demo-bert", None)
    assert SweepConfig.from_dict(written) == DEMO
    several = TWO.to_dict()
    assert several["model"] == ("org/big", "small=/models/minilm")
    assert SweepConfig.from_dict(several | {"model": list(several["model"])}) == TWO
    one = replace(DEMO, checkpoint="./tuned")
    assert one.to_dict()["checkpoint"] == "./tuned"
    assert SweepConfig.from_dict(one.to_dict()) == one


def test_each_model_has_its_own_depths_and_lengths_and_what_it_lacks_is_said():
    trials = grid(TWO, LIMITS)
    assert {(t.model, t.depth, t.max_seq_len) for t in trials} == {
        *(("org/big", depth, length) for depth in (2, 8, 12) for length in (16, 128)),
        *(("small", depth, 16) for depth in (2, 6)),
    }
    assert left_out(TWO, LIMITS) == [
        "depth 8 is left out for small, which has 6 layers",
        "max_seq_len 128 is left out for small, which has 64 positions",
    ]
    even = replace(TWO, axes=Axes((16,), None, ("fp32",)))
    depths = {model: sorted(t.depth for t in grid(even, LIMITS) if t.model == model) for model in ("org/big", "small")}
    assert depths == {"org/big": [2, 4, 6, 8, 10, 12], "small": [1, 2, 3, 4, 5, 6]}
    assert left_out(even, LIMITS) == []
    full = replace(TWO, axes=Axes((16,), (12, 6, "full"), ("fp32",)))  # full is one of them, whichever the model
    assert sorted((t.model, t.depth) for t in grid(full, LIMITS)) == [("org/big", 6), ("org/big", 12), ("small", 6)]


def test_a_model_that_has_none_of_the_depths_is_a_mistake():
    with pytest.raises(UsageError, match="depth must be at most 6, the layers of /models/minilm, but got 12"):
        grid(replace(TWO, axes=Axes((16,), (8, 12), ("fp32",))), LIMITS)


def test_trials_of_all_models_are_shuffled_together_and_named_by_them():
    trials = grid(replace(TWO, axes=Axes((16,), None, ("fp32", "fp16"))), LIMITS)
    names = [t.trial_id for t in trials]
    assert len(set(names)) == len(names) == 24
    assert "sst2-small-s42-len16-depth6-fp32-b64-max_length-eager-r0" in names
    changes = sum(a.model != b.model for a, b in itertools.pairwise(trials))
    assert changes > 4, "models take turns at random, and not one after the other"


def space() -> SearchSpace:
    config = replace(TWO, axes=Axes((16, 64, 128), None, ("fp32", "fp16")))
    return SearchSpace.of(config, [Limits(12, 512), Limits(4, 64)], "cuda")


def test_a_space_over_models_knows_which_depths_and_lengths_each_has():
    found = space()
    assert found.axes[0] == "model"
    of = {m: {found.named(p)["depth"] for p in found.points if p[0] == m} for m in ("org/big", "small")}
    assert of == {"org/big": {2, 4, 6, 8, 10, 12}, "small": {1, 2, 3, 4}}
    assert {found.named(p)["max_seq_len"] for p in found.points if p[0] == "small"} == {16, 64}
    assert len(found.points) == 3 * 6 * 2 + 2 * 4 * 2


def test_a_sampler_sees_how_much_of_its_model_a_depth_is():
    found = space()
    assert found.distributions["depth_step"] == 6
    assert found.distributions["model"] == ("org/big", "small")
    for point in found.points:
        assert found.point(found.params(point)) == point
    for model, deepest in (("org/big", 12), ("small", 4)):
        params = {"model": model, "depth_step": 5, "max_seq_len_step": 0, "precision": "fp32", "batch_size_step": 0,
                  "padding": "max_length", "backend": "eager"}  # fmt: skip
        assert found.named(found.point(params))["depth"] == deepest
        assert found.named(found.point(params | {"depth_step": 0}))["depth"] == min(2 if deepest == 12 else 1, deepest)


def test_a_search_begins_with_the_first_models_baseline_and_each_others():
    found = space()
    base = found.named(found.baseline)
    assert (base["model"], base["depth"], base["max_seq_len"], base["precision"]) == ("org/big", 12, 128, "fp32")
    starts = [found.named(p) for p in found.start_points]
    (other,) = [s for s in starts if s["model"] == "small"]
    assert (other["depth"], other["max_seq_len"], other["precision"]) == (4, 64, "fp32")
    assert found.trial(found.start_points[1]).model == "small"


def test_a_space_of_one_model_is_as_it_was():
    one = SearchSpace.of(replace(TWO, model=("org/big",)), [LIMITS[0]], "cuda")
    assert one.axes[0] == "max_seq_len"
    assert "model" not in one.distributions
    assert one.trial(one.baseline).model == "org/big"
