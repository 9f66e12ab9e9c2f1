"""Configurations and sweeps: validated, never repaired; messages with rule, value and remedy."""

import json
from dataclasses import replace

import pytest

from search_spaces.errors import UsageError
from search_spaces.grid import even_depths, grid
from search_spaces.models import Limits
from search_spaces.presets import PRESETS, preset
from search_spaces.sweep_config import Axes, Finetuning, Measuring, MeasuringOptions, SweepConfig
from search_spaces.trial_config import TrialConfig

TRIAL = {"task": "sst2", "model": "google-bert/bert-base-uncased", "seed": 42, "max_seq_len": 48, "depth": 12}


def test_a_trial_is_named_by_all_it_is():
    trial = TrialConfig(**TRIAL, precision="fp16", replicate=1)
    assert trial.trial_id == "sst2-bert-base-uncased-s42-len48-depth12-fp16-b64-max_length-eager-r1"
    assert TrialConfig.from_dict(json.loads(json.dumps(trial.to_dict()))) == trial


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_seq_len": 1024}, "max_seq_len must be between 8 and 512 tokens, but got 1024; give lengths"),
        ({"depth": 0}, "depth must be at least 1 layer, but got 0"),
        ({"precision": "fp99"}, "precision must be one of fp32, tf32, bf16, fp16, int8, fp8, but got 'fp99'"),
        ({"padding": "left"}, "padding must be one of max_length, longest, packed, but got 'left'"),
        ({"backend": "onnx"}, "backend must be one of eager, cuda_graph, compile, compile_cuda_graph"),
        (
            {"backend": "fused"},
            "padding must be packed with the backend fused, but got 'max_length'; give --padding packed, or another",
        ),
        ({"batch_size": 0}, "batch_size must be at least 1 example, but got 0"),
    ],
)
def test_a_bad_trial_says_rule_value_and_remedy(change, message):
    with pytest.raises(UsageError) as error:
        TrialConfig(**(TRIAL | {"precision": "fp32"} | change))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axes(max_seq_len=()), "the axis max_seq_len must have at least one value"),
        (lambda: Axes(precision=("fp32", "fp32")), "the values of precision must differ"),
        (lambda: Axes(max_seq_len=(4,)), "max_seq_len must be between 8 and 512"),
        (lambda: Axes(depth=(0, 2)), "depth must be at least 1"),
        (lambda: Axes(depth=("full", "full")), "the values of depth must differ"),
        (lambda: Finetuning(learning_rate=0), "learning_rate must be in (0, 1)"),
        (lambda: Measuring(min_total_s=20), "max_measure_s must be at least min_total_s"),
        (lambda: Measuring(min_window_s=0), "min_window_s must be above 0 s"),
        (lambda: SweepConfig(seeds=()), "seeds must have at least one value"),
        (lambda: SweepConfig(checkpoint="x", seeds=(1, 2)), "a --checkpoint has one seed"),
        (lambda: SweepConfig(checkpoint="x", random_weights=True), "choose --checkpoint or --random-weights"),
        (lambda: preset("sst3"), "a preset must be one of"),
    ],
)
def test_a_bad_sweep_says_what_is_wrong(make, message):
    with pytest.raises(UsageError, match="but got") as error:
        make()
    assert str(error.value).startswith(message)


def test_depths_are_even_steps_to_the_full_depth():
    assert even_depths(12) == (2, 4, 6, 8, 10, 12)
    assert even_depths(6) == (1, 2, 3, 4, 5, 6)
    assert even_depths(4) == (1, 2, 3, 4)
    assert even_depths(24) == (4, 8, 12, 16, 20, 24)


def test_the_paper_grid_is_every_combination_once_in_a_seeded_order():
    sweep = PRESETS["sst2"]
    trials = grid(sweep, [Limits(12, 512)])
    assert len(trials) == len({t.trial_id for t in trials}) == 8 * 6 * 2
    assert trials == grid(sweep, [Limits(12, 512)])
    lengths = [t.max_seq_len for t in trials]
    assert lengths != sorted(lengths)


def test_qqp_and_squad_are_the_announced_sweeps():
    qqp = grid(PRESETS["qqp"], [Limits(12, 512)])
    assert len(qqp) == 8 * 3
    assert {(t.depth, t.batch_size, t.seed) for t in qqp} == {(12, 64, 42)}
    squad = grid(PRESETS["squad"], [Limits(6, 512)])
    assert len(squad) == 7 * 6 * 2
    assert {t.max_seq_len for t in squad} == {128, 160, 192, 224, 256, 320, 384}
    tuning = PRESETS["squad"].finetuning
    assert (tuning.train_batch_size, tuning.learning_rate, tuning.epochs) == (16, 3e-5, 2)
    assert PRESETS["qqp"].finetuning == PRESETS["sst2"].finetuning


def test_full_is_the_depth_of_whichever_model():
    sweep = SweepConfig(axes=Axes(max_seq_len=(16,), depth=(2, "full"), precision=("fp32",)))
    assert {t.depth for t in grid(sweep, [Limits(6, 512)])} == {2, 6}
    with pytest.raises(UsageError, match=r"values of depth must differ, and full is 2 for .*but got"):
        grid(sweep, [Limits(2, 512)])


def test_values_beyond_the_model_are_refused():
    sweep = SweepConfig(axes=Axes(max_seq_len=(16,), depth=(7,), precision=("fp32",)))
    with pytest.raises(UsageError, match=r"depth must be at most 6, .*, but got 7; give depths from 1 to 6"):
        grid(sweep, [Limits(6, 512)])
    with pytest.raises(UsageError, match=r"max_seq_len must be at most 12, .*, but got 16"):
        grid(sweep, [Limits(8, 12)])


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_sweep_survives_json(name):
    assert SweepConfig.from_dict(json.loads(json.dumps(PRESETS[name].to_dict()))) == PRESETS[name]


def times(m):
    return (m.warmup_s, m.min_window_s, m.min_windows, m.min_total_s, m.max_measure_s)


def test_a_sensor_gets_windows_that_are_not_flagged_whatever_the_preset():
    """`--task tsv` alone starts from the demo's settings: on a GPU its windows are a second long all the same."""
    for name in PRESETS:
        here = PRESETS[name].measuring.settled(measured=True)
        usual = Measuring(energy_examples=here.energy_examples, short_estimates=here.short_estimates)
        assert here == usual
        assert (here.warmup_s, here.min_window_s, here.min_windows, here.min_total_s, here.max_measure_s) == (
            2,
            1,
            5,
            5,
            15,
        )


def test_only_estimates_of_the_demo_are_short():
    assert PRESETS["sst2"].measuring.settled(measured=False).min_window_s == 1
    demo = PRESETS["demo"].measuring.settled(measured=False)
    assert (demo.warmup_s, demo.min_window_s, demo.min_windows, demo.min_total_s, demo.max_measure_s) == (
        0.2,
        0.1,
        5,
        0.6,
        1.2,
    )


def test_what_is_given_holds_with_a_sensor_and_without():
    given = {"warmup_s": 0.0, "min_window_s": 0.3, "min_windows": 2, "min_total_s": 0.7, "max_measure_s": 3.0}
    asked = MeasuringOptions(short_estimates=True, eval_examples=9, **given)
    for measured in (True, False):
        settled = asked.settled(measured)
        assert {name: getattr(settled, name) for name in given} == given
        assert settled.eval_examples == 9
    longer = MeasuringOptions(short_estimates=True, min_total_s=20)
    assert [longer.settled(m).max_measure_s for m in (True, False)] == [20, 20]  # a default gives way
    less = MeasuringOptions(short_estimates=True, max_measure_s=1)
    assert [less.settled(m).min_total_s for m in (True, False)] == [1, 0.6]
    with pytest.raises(UsageError, match="max_measure_s must be at least min_total_s"):
        MeasuringOptions(min_total_s=3, max_measure_s=2)


def test_a_sweep_of_settled_times_is_the_same_after_json():
    sweep = replace(PRESETS["demo"], measuring=Measuring(min_window_s=0.5))
    assert SweepConfig.from_dict(json.loads(json.dumps(sweep.to_dict()))) == sweep
