"""The points of a search, its goal, and when a trial may stop: known answers, no Optuna."""

import math
import random
from dataclasses import replace

import pytest

from search_spaces.errors import UsageError
from search_spaces.goal import ENERGY_BOUND, LATENCY_BOUND, Goal, closest, dominates
from search_spaces.models import Limits
from search_spaces.prune import PruneRule
from search_spaces.search_config import SearchConfig
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import Axes, SweepConfig

AXES = Axes(
    max_seq_len=(64, 16, 32),
    depth=(2, 4),
    precision=("fp16", "fp32"),
    batch_size=(64, 8),
    padding=("max_length", "packed"),
    backend=("eager", "cuda_graph"),
)
BASE = (64, 4, "fp32", 64, "max_length", "eager")


def space(device: str = "cuda") -> SearchSpace:
    return SearchSpace.of(SweepConfig(axes=AXES), [Limits(4, 128)], device)


def test_points_are_the_product_less_what_cannot_run():
    # 3 lengths x 2 depths x 2 batches x 2 backends = 24: fp16 with both paddings, fp32 with max_length only
    assert len(space().points) == 24 * 3
    # no CUDA graphs on a CPU; packed fp32 runs there: 12 x 2 precisions x 2 paddings
    assert len(space("cpu").points) == 12 * 4
    assert not space().allows((64, 4, "fp32", 64, "packed", "eager"))
    assert space("cpu").allows((64, 4, "fp32", 64, "packed", "eager"))
    assert not space().allows((48, 4, "fp16", 64, "packed", "eager"))


def test_fp8_is_not_searched_on_a_cpu():
    axes = Axes(max_seq_len=(16,), depth=(4,), precision=("int8", "fp8"))
    points = {d: SearchSpace.of(SweepConfig(axes=axes), [Limits(4, 128)], d).points for d in ("cpu", "cuda")}
    assert {p[2] for p in points["cpu"]} == {"int8"}
    assert {p[2] for p in points["cuda"]} == {"int8", "fp8"}


def test_it_starts_with_the_baseline_and_changes_one_axis_at_a_time():
    starts = space().start_points
    assert starts[0] == space().baseline == BASE
    assert set(starts[1:]) == {
        (16, 4, "fp32", 64, "max_length", "eager"),
        (64, 2, "fp32", 64, "max_length", "eager"),
        (64, 4, "fp16", 64, "max_length", "eager"),
        (64, 4, "fp32", 8, "max_length", "eager"),
        (64, 4, "fp32", 64, "max_length", "cuda_graph"),
    }  # packed fp32 cannot run on a GPU, 32 tokens is no extreme


def test_parameters_and_points_are_one_to_one():
    s = space()
    assert s.params(BASE) == {
        "max_seq_len_step": 2,
        "depth_step": 1,
        "precision": "fp32",
        "batch_size_step": 1,
        "padding": "max_length",
        "backend": "eager",
    }
    assert all(s.point(s.params(p)) == p for p in s.points)
    assert s.trial(BASE).trial_id.endswith("len64-depth4-fp32-b64-max_length-eager-r0")


def test_the_nearest_point_left_is_one_step_away():
    s, rng = space(), random.Random(0)
    taken = {BASE}
    # half of the range of lengths (64 -> 32) is nearer than any other change
    assert s.nearest(BASE, taken, rng) == (32, 4, "fp32", 64, "max_length", "eager")
    assert s.nearest((64, 4, "fp32", 64, "packed", "eager"), set(), rng) in {
        BASE,
        (64, 4, "fp16", 64, "packed", "eager"),
    }
    assert s.nearest(BASE, set(s.points), rng) is None


@pytest.mark.parametrize(
    ("config", "layers", "message"),
    [
        (SweepConfig(axes=AXES), 3, "depth must be at most 3"),
        (SweepConfig(axes=Axes(max_seq_len=(256,))), 12, "max_seq_len must be at most 128"),
        (SweepConfig(axes=AXES, seeds=(1, 2)), 4, "a search takes one seed"),
        (SweepConfig(axes=Axes(max_seq_len=(16,), backend=("cuda_graph",))), 4, "able to run on cpu"),
    ],
)
def test_impossible_spaces_say_so(config, layers, message):
    with pytest.raises(UsageError, match=message):
        SearchSpace.of(config, [Limits(layers, 128)], "cpu")


def row(accuracy=0.9, energy=0.01, latency=0.1, memory=500.0, **more):
    return {
        "status": "ok",
        "accuracy": accuracy,
        "energy_j_per_example": energy,
        "latency_ms_per_example": latency,
        "peak_gpu_memory_mib": memory,
    } | more


def test_scores_are_minimised_and_energy_is_on_a_log_scale():
    goal = Goal()
    assert goal.scores(goal.values(row(0.9, 0.01))) == pytest.approx((-0.9, -2.0))
    assert goal.told((-0.9, -2.0)) == [0.9, -2.0]
    assert goal.values(row(energy=float("nan"))) is None
    assert goal.values(row(energy=None)) is None
    assert goal.values(row(energy=0.0)) is None


def test_limits_measure_how_far_a_row_misses_them():
    goal = Goal(min_accuracy=0.8, max_latency_ms=0.2, max_memory_mib=1000)
    excess = goal.excesses(row(accuracy=0.72, latency=0.3, memory=None))
    assert excess == pytest.approx({"--min-accuracy": 0.1, "--max-latency-ms": 0.5, "--max-memory-mib": math.inf})
    near = closest(goal, [("far", row(0.4)), ("near", row(0.76)), ("unknown", row(None))])
    assert near == "near (accuracy 0.76 against --min-accuracy 0.8)"


def test_bounds_stand_in_for_what_a_pruned_trial_did_not_measure():
    pruned = row(0.8, None, None, status="pruned", idle_power_w=50.0) | {ENERGY_BOUND: 0.02, LATENCY_BOUND: 0.1}
    every = ("energy_j_per_example", "energy_j_per_correct", "net_energy_j_per_example")
    assert Goal(every).values(pruned) == pytest.approx(
        {"energy_j_per_example": 0.02, "energy_j_per_correct": 0.025, "net_energy_j_per_example": 0.02 - 50 * 1e-4}
    )


def test_a_trial_stops_when_dominated_at_its_bounds_or_beyond_a_limit():
    goal = Goal(min_accuracy=0.7)
    front = ((-0.9, -2.0), (-0.8, -2.2))
    rule = PruneRule.from_dict(PruneRule(goal, front).to_dict())
    assert rule == PruneRule(goal, front)

    def verdict(accuracy, bound):
        return rule.verdict({"status": "pruned", "accuracy": accuracy, ENERGY_BOUND: bound})

    assert verdict(0.89, 0.0101).startswith("dominated even at its bounds (accuracy 0.89, ")
    assert verdict(0.89, 0.0099) is None  # might be cheaper than the first
    assert verdict(0.91, 1.0) is None  # more accurate than all
    assert verdict(0.9, 0.01) is None  # equal is not dominated
    assert verdict(0.6, 0.0001) == "misses --min-accuracy"
    assert verdict(0.8, None) is None  # nothing known of its energy


def test_dominance_worked_by_hand():
    assert dominates((1, 1), (1, 2))
    assert not dominates((1, 1), (1, 1))
    assert not dominates((1, 3), (2, 2))


@pytest.mark.parametrize(("text", "seconds"), [("900", 900), ("90s", 90), ("15m", 900), ("1.5h", 5400), (None, None)])
def test_a_time_budget_may_have_a_unit(text, seconds):
    assert SearchConfig(time_budget=text).time_budget_s == seconds


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SearchConfig(time_budget="soon"), "time_budget must be a time above 0, but got 'soon'"),
        (lambda: SearchConfig(time_budget="0"), "time_budget must be a time above 0"),
        (
            lambda: SearchConfig(sampler="cma"),
            "a sampler must be one of additive, gp, tpe, nsga2, random, but got 'cma'",
        ),
        (lambda: SearchConfig(trials=0), "trials must be at least 1"),
        (lambda: Goal(("accuracy", "speed")), "an objective must be one of accuracy"),
        (lambda: Goal(()), "objectives must be one to 3"),
        (lambda: Goal(("accuracy", "accuracy")), "objectives must be one to 3"),
        (lambda: Goal(min_accuracy=92), r"min_accuracy must be in \(0, 1\], but got 92"),
        (lambda: Goal(max_latency_ms=0), "max_latency_ms must be above 0 ms/example"),
    ],
)
def test_bad_settings_say_so(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_settings_survive_json():
    import json

    config = SearchConfig(sampler="tpe", time_budget="15m", goal=Goal(min_accuracy=0.92))
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_backend_of_one_padding_has_no_points_of_others():
    axes = replace(AXES, backend=("eager", "fused"))
    points = [
        SearchSpace.of(SweepConfig(axes=axes), [Limits(4, 128)], device).named(point)
        for device in ("cuda", "cpu")
        for point in SearchSpace.of(SweepConfig(axes=axes), [Limits(4, 128)], device).points
    ]
    fused = [p for p in points if p["backend"] == "fused"]
    # On a GPU alone, of fp16 alone: 3 lengths x 2 depths x 2 batches.
    assert len(fused) == 12
    assert {p["padding"] for p in fused} == {"packed"}
