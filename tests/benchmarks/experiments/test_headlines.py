"""A choice against the published way, in one sweep."""

import pytest

from benchmarks.experiments.headlines import Arguments
from benchmarks.experiments.headlines.run import config_of, pair
from search_spaces.errors import UsageError


def arguments(*choice, **values):
    return Arguments(choice=choice, output="run", **values)


def test_the_baseline_is_the_published_way_and_the_choice_changes_what_is_named():
    asked = arguments("precision=fp16", "padding=packed", "batch_size=436", preset="squad", model="some/encoder")
    config = config_of(asked)
    assert config.random_weights
    baseline, choice = pair(config, 6, asked.choice)
    longest, rest = ("max_seq_len", 384), {"precision": "fp32", "padding": "max_length", "backend": "eager"}
    assert baseline.configuration == dict([longest], model="some/encoder", depth=6, batch_size=64, **rest)
    assert choice.configuration == baseline.configuration | {
        "precision": "fp16", "padding": "packed", "batch_size": 436
    }  # fmt: skip
    assert baseline.model == "some/encoder"


def test_a_checkpoint_is_scored():
    config = config_of(arguments("precision=fp16", checkpoint="tuned"))
    assert (config.checkpoint, config.random_weights, config.models[0].name) == (("tuned",), False, "tuned")


def test_a_model_is_fine_tuned_where_that_is_asked():
    config = config_of(arguments("precision=fp16", model="some/encoder", finetune=True))
    assert (config.model, config.checkpoint, config.random_weights) == (("some/encoder",), None, False)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ((), "must change something"),
        (("fp16",), "must be axis=value"),
        (("colour=red",), "colour"),
        (("precision=fp3",), "fp3"),
    ],
)
def test_what_is_no_change_is_refused(choice, message):
    with pytest.raises(UsageError, match=message):
        pair(config_of(arguments()), 6, choice)
