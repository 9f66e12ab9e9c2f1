"""Smoke runs: all benchmarks of one card in one process, with a meter that counts a constant power."""

import json

import pytest

from benchmarks import __main__ as everything
from benchmarks import draw
from benchmarks.lib.smoke import SMOKE_WATTS
from search_spaces.errors import UsageError

pytestmark = pytest.mark.slow

SHORT = """--smoke --weight-pairs 1 --weight-windows 1 --rounds 1 --stretch-s 0.1
    --cpus 1 --agreement-windows 1 --agreement-window-s 0.5 --pairs 2 --block-s 0.1
    --repeats 4 --launch-repeats 2 --repeat-warmup-s 0.25 --repeat-window-s 0.05 --repeat-windows 2
    --neighbour-s 0.05 --window-lengths 0.2 1 --long-s 2.2 --settled-s 0.2 --cold-starts 1 --idle-s 0.2
    --cold-s 0.4 --fused-batches 16 --fused-precisions bf16 int8 --fused-windows 1"""
ANY_BAR = """--second-meter-bar 9 --power-bar 9 --ratio-bar 99 --cv-bar 99 --coverage-bar 0
    --window-bar 99"""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """All of them in one process, as on the GPU machine, with bars that a busy CPU meets."""
    folder = tmp_path_factory.mktemp("benchmarks")
    code = everything.main([*everything.BENCHMARKS, *SHORT.split(), *ANY_BAR.split(), "--output", str(folder)])
    return code, folder


def test_smoke_runs_meet_wide_bars_and_leave_their_numbers(smoke):
    code, folder = smoke
    assert code == 0
    for name in everything.BENCHMARKS:
        found = json.loads((folder / f"{name}.json").read_text())
        assert found["benchmark"] == name
        assert found["source"] == "nvml_counter"
        assert found["bars"] or name in ("weights", "neighbours", "fused")  # answers, not promises
        assert all(bar["met"] for bar in found["bars"])


def test_two_meters_of_one_constant_power_agree(smoke):
    found = json.loads((smoke[1] / "meter_agreement.json").read_text())["windows"][0]
    exact = SMOKE_WATTS * found["window_s"]
    assert found["ours_j"] == pytest.approx(exact, abs=found["ours_edge_error_j"])
    assert found["process_j"] == pytest.approx(exact, rel=0.1)
    assert found["power_j"] == pytest.approx(exact, rel=1e-6)


def test_the_figure_is_drawn_from_the_file_alone(smoke):
    assert draw.main([str(smoke[1] / "window_length.json")]) == 0
    for kind in ("png", "svg"):
        assert (smoke[1] / f"window_length.{kind}").stat().st_size > 10_000


def test_an_unknown_name_lists_what_is_known():
    with pytest.raises(UsageError, match=r"must be one of meter_agreement, harness_overhead, .* but got 'frontier'"):
        everything.main(["frontier", "--smoke"])
    with pytest.raises(UsageError, match=r"one or more of meter_agreement, .* must be named"):
        everything.main(["--smoke"])
