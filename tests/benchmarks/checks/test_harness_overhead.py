"""The harness-overhead check: ratios, what a missed bar does, and a backend that nobody has written by hand."""

import json

import numpy as np
import pytest

from benchmarks.checks.harness_overhead import HARNESS_OVERHEAD, Arguments
from benchmarks.checks.harness_overhead.run import ratio_of_pairs, run
from search_spaces.errors import UsageError


def test_ratios_are_taken_pair_by_pair():
    pairs = np.array([[1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_array_equal(ratio_of_pairs(pairs), [0.5, 1.5])


@pytest.mark.seconds
def test_a_missed_bar_is_exit_code_1(tmp_path, capsys):
    short = ["--smoke", "--cpus", "1", "--pairs", "1", "--block-s", "0.1", "--ratio-bar", "0"]
    assert HARNESS_OVERHEAD.main([*short, "--output", str(tmp_path)]) == 1
    assert "bar MISSED: harness over bare loop" in capsys.readouterr().out
    assert not json.loads((tmp_path / "harness_overhead.json").read_text())["bars"][0]["met"]


def test_a_backend_that_is_not_written_by_hand_is_refused():
    with pytest.raises(UsageError, match=r"--backends must be of eager, cuda_graph.*but got 'onnx'"):
        run(None, Arguments(backends=("eager", "onnx")))
