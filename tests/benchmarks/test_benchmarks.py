"""The energy benchmarks: the arithmetic of their tables, a smoke run of each, and what a missed bar does."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import __main__ as everything
from benchmarks import common, harness_overhead, meter_agreement, repeatability, window_length
from search_spaces.sweep_config import Measuring
from tests.make.nvml import FakeCard, FakeClock, FakeNvml, Power, poll
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.trace import Trace

# ---- repeatability ----


def test_coefficient_of_variation_is_the_sample_deviation_over_the_mean():
    assert repeatability.coefficient_of_variation(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.5)


def test_headline_coverage_counts_every_choice_of_three():
    # 10 of 20 choices leave the 9 out: their interval is a point that misses. The others hold it.
    assert repeatability.headline_coverage(np.array([1.0, 1, 1, 1, 1, 9])) == 0.5
    assert repeatability.headline_coverage(np.array([0.0, 1, 2, 1])) == 1.0


def test_headline_coverage_of_normal_values_is_93_percent():
    rng = np.random.default_rng(0)
    mean = np.mean([repeatability.headline_coverage(rng.normal(100, 1, 10)) for _ in range(100)])
    assert mean == pytest.approx(0.93, abs=0.02)


def test_within_coverage_leaves_each_trial_out_of_its_own_target():
    values, half_widths = np.array([1.0, 2.0, 3.0]), np.array([1.5, 0.0, 1.0])
    assert repeatability.within_coverage(values, half_widths) == pytest.approx(2 / 3)


def test_too_few_trials_have_no_coverage_rather_than_a_wrong_one():
    trial = {"energy_j_per_example": 1.0, "energy_j_per_example_ci95": 0.1, "mean_power_w": 5.0}
    one = repeatability.summary([trial])
    assert (one["trials"], one["cv"], one["headline_coverage"]) == (1, None, None)
    three = repeatability.summary([trial] * 3)
    assert (three["cv"], three["headline_coverage"], three["first_over_rest"]) == (0.0, None, 1.0)


# ---- window length ----


def test_windows_hold_whole_passes_and_last_at_least_as_long_as_asked():
    ends = np.arange(0, 2.01, 0.25)
    assert window_length.window_from(ends, 0, 0.6) == (0.0, 0.75, 3)
    assert window_length.window_from(ends, 1, 0.5) == (0.25, 0.75, 2)
    assert window_length.window_from(ends, 0, 2.1) is None
    starts = [w[0] for w in window_length.spaced_windows(ends, 0.5, stride_s=0.4)]
    assert starts == [0.0, 0.5, 1.0, 1.5]
    assert len(window_length.spaced_windows(ends, 0.5, stride_s=0.0)) == 7


def test_the_needed_length_is_where_no_longer_window_fails():
    bias = {0.2: 0.004, 0.5: 0.02, 1.0: 0.009, 2.0: 0.001}
    assert window_length.needed_length(bias, 0.01) == 1.0
    assert window_length.needed_length(bias | {2.0: 0.5}, 0.01) is None
    assert window_length.needed_length({1.0: float("nan")}, 0.01) is None


def test_biases_are_relative_to_the_reference():
    bias = window_length.biases(np.array([9.0, 10.0, 12.0]), 10.0)
    assert bias["median"] == pytest.approx(0.0)
    assert bias["p95_abs"] == pytest.approx(0.19)  # of 0, 0.1, 0.2


def test_averaged_power_halves_a_cold_window_of_one_second_and_the_counter_does_not():
    # Idle at 1 W until 12.03 s (a tick), then 200 W at once. The trailing average takes 1 s to follow.
    start = 12.03
    card = FakeCard(power=Power((0.0, 1.0), (start, 1.0), (start, 200.0)), read_s=0.0)
    clock = FakeClock()
    nvml = FakeNvml(card, clock=clock)
    meter = NvmlMeter(card.uuid, nvml=nvml, clock=clock, sleep=clock.sleep)
    clock.now = start - 2
    trace = Trace.from_samples(poll(meter, clock, 12.0), "nvml_counter", 0.1)
    at = np.arange(start - 2, start + 10, 0.01)
    watts = 200 * np.clip(at - start, 0, 1)
    rows = np.full((len(at), 7), np.nan)
    rows[:, 0], rows[:, 1], rows[:, 3], rows[:, 6] = at, 0.0, watts, 0
    averaged = Trace.from_rows(rows, "nvml_power", 0.1)
    ends = start + 0.013 * np.arange(693)

    result = window_length.analyse(trace, averaged, [ends], 100, (0.5, 1.0, 2.0), 2.0, Measuring())
    assert result["reference_j_per_example"] == pytest.approx(200 * 0.013 / 100, rel=3e-3)
    assert result["mean_power_w"] == pytest.approx(200, rel=3e-3)
    bias = {(p["phase"], p["length_s"]): p["bias"] for p in result["points"]}
    counter, _, power = window_length.METHODS
    for length_s, expected in ((0.5, -0.75), (1.0, -0.5), (2.0, -0.25)):
        assert bias["cold", length_s][power]["median"] == pytest.approx(expected, abs=0.015)
        assert bias["cold", length_s][counter]["median"] == pytest.approx(0, abs=0.02)
        assert bias["warm", length_s][counter]["p95_abs"] < 0.010 / length_s  # polled every 10 ms
        assert bias["warm", length_s][power]["p95_abs"] < 0.005
    flags = {p["length_s"]: (p["flagged"], p["windows"]) for p in result["points"] if p["phase"] == "warm"}
    assert flags[0.5][0] == flags[0.5][1] > 0
    assert flags[1.0][0] == flags[2.0][0] == 0
    assert result["needed_s"] == 1.0
    assert result["cost_s"] == pytest.approx(2 + 1 + 0.26)
    assert result["settled_after_s"] == pytest.approx(0, abs=0.3)


def test_the_counter_as_read_is_a_tick_stale():
    rows = [(t / 100, 0, 5.0 * (t // 10), 50, np.nan, np.nan, 0) for t in range(101)]
    trace = Trace.from_rows(rows, "nvml_counter", 0.1)
    assert window_length.as_read(trace, np.array([[0.195, 0.305]])).tolist() == [10.0]  # 5.5 J were used
    assert window_length.as_read(trace, np.array([[0.205, 0.295]])).tolist() == [0.0]


# ---- meter agreement and overhead ----


def test_the_second_process_interpolates_between_first_sights():
    at = np.arange(0, 1, 0.01)
    readings = np.stack([at, np.zeros_like(at), 7.0 * np.floor(at / 0.1 + 1e-9)], axis=1)
    assert meter_agreement.reader_energy(readings, 0.2, 0.7) == pytest.approx(35.0)
    assert meter_agreement.reader_energy(readings, 0.23, 0.55) == pytest.approx(70 * 0.32)
    assert np.isnan(meter_agreement.reader_energy(readings, 0.01, 0.5))  # before the first tick
    assert np.isnan(meter_agreement.reader_energy(readings[:5], 0.01, 0.02))


def test_a_window_opens_right_after_a_tick():
    meter = common.TickingMeter()
    before = meter.read()
    old_s = meter_agreement.wait_for_tick(meter)
    assert meter.read().energy_j > before.energy_j
    assert old_s >= before.time_s
    stuck = SimpleNamespace(read=lambda: SimpleNamespace(energy_j=1.0, time_s=0.0, read_s=0.0))
    with pytest.raises(RuntimeError, match="did not tick"):
        meter_agreement.wait_for_tick(stuck, timeout_s=0.01)


def test_a_load_that_fails_says_so():
    def fail():
        raise ValueError("out of memory")

    with meter_agreement.Steady(fail) as steady:
        steady._thread.join()
        with pytest.raises(RuntimeError, match="the load failed"):
            steady.check()


def test_worst_is_the_largest_difference_and_nan_stays():
    assert meter_agreement.worst(np.array([0.01, -0.02])) == 0.02
    assert np.isnan(meter_agreement.worst(np.array([0.01, np.nan])))


def test_ratios_are_taken_pair_by_pair():
    pairs = np.array([[1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_array_equal(harness_overhead.ratio_of_pairs(pairs), [0.5, 1.5])


# ---- bars ----


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "met"),
    [(0.01, 0.01, False, True), (0.011, 0.01, False, False), (0.9, 0.9, True, True), (0.8, 0.9, True, False)],
)
def test_a_bar_is_met_or_missed(value, limit, at_least, met):
    bar = common.Bar("x", value, limit, at_least)
    assert bar.met is met
    assert ("MISSED" in str(bar)) is not met


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_was_not_measured_is_not_met(value):
    assert not common.Bar("x", value, 1.0).met
    assert not common.Bar("x", value, 1.0, at_least=True).met


# ---- smoke runs ----

SHORT = """--smoke --weight-pairs 1 --weight-windows 1 --rounds 1 --stretch-s 0.1
    --cpus 1 --agreement-windows 1 --agreement-window-s 0.5 --pairs 2 --block-s 0.1
    --repeats 4 --launch-repeats 2 --repeat-warmup-s 0.25 --repeat-window-s 0.05 --repeat-windows 2
    --neighbour-s 0.05 --window-lengths 0.2 1 --long-s 2.2 --settled-s 0.2 --cold-starts 1 --idle-s 0.2
    --cold-s 0.4"""
ANY_BAR = """--second-meter-bar 9 --power-bar 9 --ratio-bar 99 --cv-bar 99 --coverage-bar 0
    --window-bar 99"""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """All of them in one process, as on the GPU machine, with bars that a busy CPU meets."""
    folder = tmp_path_factory.mktemp("benchmarks")
    code = everything.main([*everything.NAMES, *SHORT.split(), *ANY_BAR.split(), "--output", str(folder)])
    return code, folder


def test_smoke_runs_meet_wide_bars_and_leave_their_numbers(smoke):
    code, folder = smoke
    assert code == 0
    for name in everything.NAMES:
        found = json.loads((folder / f"{name}.json").read_text())
        assert found["benchmark"] == name
        assert found["source"] == "nvml_counter"
        assert found["bars"] or name in ("weights", "neighbours")  # answers, not promises
        assert all(bar["met"] for bar in found["bars"])


def test_two_meters_of_one_constant_power_agree(smoke):
    found = json.loads((smoke[1] / "meter_agreement.json").read_text())["windows"][0]
    exact = common.SMOKE_WATTS * found["window_s"]
    assert found["ours_j"] == pytest.approx(exact, abs=found["ours_edge_error_j"])
    assert found["process_j"] == pytest.approx(exact, rel=0.1)
    assert found["power_j"] == pytest.approx(exact, rel=1e-6)


def test_the_figure_is_drawn_from_the_file_alone(smoke):
    assert window_length.main(["--draw", str(smoke[1] / "window_length.json")]) == 0
    for kind in ("png", "svg"):
        assert (smoke[1] / f"window_length.{kind}").stat().st_size > 10_000


def test_a_missed_bar_is_exit_code_1(tmp_path, capsys):
    short = ["--smoke", "--cpus", "1", "--pairs", "1", "--block-s", "0.1", "--ratio-bar", "0"]
    assert harness_overhead.main([*short, "--output", str(tmp_path)]) == 1
    assert "bar MISSED: harness over bare loop" in capsys.readouterr().out
    assert not json.loads(Path(tmp_path / "harness_overhead.json").read_text())["bars"][0]["met"]
