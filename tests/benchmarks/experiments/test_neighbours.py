"""The neighbours experiment: ratios within a round, and its figure."""

import json

import pytest

from benchmarks import draw
from benchmarks.experiments.neighbours import STATES
from benchmarks.experiments.neighbours.run import ratios
from search_spaces.errors import UsageError


def stretch(number, state, load, energy, latency):
    return {
        "round": number,
        "neighbours": state,
        "load": load,
        "energy_j_per_example": energy,
        "latency_ms_per_example": latency,
    }


def test_ratios_are_taken_within_a_round():
    stretches = [
        stretch(0, "hot", "anchor", 11.0, 1.0),
        stretch(0, "launch-bound", "anchor", 10.0, 1.5),
        stretch(0, "idle", "anchor", 10.0, 1.0),
        stretch(1, "idle", "anchor", 20.0, 2.0),
        stretch(1, "hot", "anchor", 20.0, 2.0),
        stretch(1, "launch-bound", "anchor", 30.0, 2.0),
    ]
    idle, hot, launch = ratios(stretches)
    assert idle["energy"] == [1.0, 1.0]
    assert hot["energy"] == pytest.approx([1.1, 1.0])
    assert launch["energy"] == pytest.approx([1.0, 1.5])
    assert launch["latency"] == pytest.approx([1.5, 1.0])


def test_the_figure_is_drawn_from_the_file_alone(tmp_path):
    stretches = [
        stretch(n, state, load, 1.0 + 0.01 * n, 1.0)
        for n in range(3)
        for state in STATES
        for load in ("anchor", "launch-bound")
    ]
    file = tmp_path / "neighbours.json"
    file.write_text(json.dumps({"compared": ratios(stretches)}))
    assert draw.main([str(file)]) == 0
    assert file.with_suffix(".png").stat().st_size > 10_000


def test_a_file_without_a_figure_lists_those_that_have_one():
    with pytest.raises(UsageError, match="must be one of window_length, neighbours"):
        draw.main(["weights.json"])
