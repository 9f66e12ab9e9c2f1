"""The frontier benchmark: which configurations count as the whole model, and what a kept run is worth."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import frontier
from tests import fabricated

POINTS = [("fp32", 64, "max_length", "eager"), ("fp16", 64, "max_length", "eager")]
POINTS += [("fp16", 64, "packed", "eager"), ("fp8", 64, "packed", "eager")]


def compared(error: float, flips: int, point: tuple = POINTS[2]) -> dict:
    return dict(zip(frontier.AXES, point, strict=True)) | {
        "largest_error_over_range": error,
        "flips": flips,
        "examples": 872,
        "accuracy": None,
    }


@pytest.mark.parametrize(
    ("random", "trained", "counts"),
    [
        (compared(0.009, 0), compared(0.01, 2), True),
        (compared(0.011, 0), compared(0.01, 2), False),  # beyond 1 % of the range of the logits
        (compared(0.009, 9), compared(0.01, 2), True),  # with random weights a flip means nothing
        (compared(0.009, 0), compared(0.001, 3), False),
        (compared(0.009, 0), None, False),  # not compared with fine-tuned weights, though others were
    ],
)
def test_only_what_agrees_with_the_baseline_is_the_whole_model(random, trained, counts):
    others = [compared(0.0, 0, POINTS[1])]
    results = {"random": [random, *others], "trained": [*filter(None, [trained]), *others]}
    assert (POINTS[2] in frontier.faithful(results)) is counts


def kept_run(folder: Path, joules: list[float], fp8_flips: int) -> Path:
    one = fabricated.table(lengths=(128,), depths=(12,), precisions=("fp32",))
    rows = [
        one.assign(**dict(zip(frontier.AXES, point, strict=True)), energy_j_per_example=j, trial_id=str(i))
        for i, (point, j) in enumerate(zip(POINTS, joules, strict=True))
    ]
    fabricated.write_csv_run(folder, pd.concat(rows))
    results = [compared(0.001, 0), compared(0.001, fp8_flips, POINTS[3])]
    (folder / "frontier_logits_trained.json").write_text(json.dumps(results))
    return folder


def test_a_kept_run_is_judged_without_a_card(tmp_path, capsys):
    run = kept_run(tmp_path / "run", [0.4, 0.06, 0.0098, 0.005], fp8_flips=9)
    assert frontier.main(["--read", str(run)]) == 0
    said = capsys.readouterr().out
    assert "the cheapest faithful configuration: fp16, 64, packed, eager" in said
    assert "bar met: saving of the cheapest faithful configuration: 40.82 (at least 40)" in said
    steps = {
        line.split()[0]: line.split()
        for line in said.splitlines()
        if line.startswith(("precision ", "padding "))
    }
    assert steps["padding"][1:6] == ["max_length", "packed", "60", "9.8", "6.122"]


def test_a_saving_below_the_bar_is_a_miss(tmp_path, capsys):
    run = kept_run(tmp_path / "run", [0.4, 0.06, 0.0102, 0.005], fp8_flips=3)
    assert frontier.main(["--read", str(run)]) == 1
    assert "bar MISSED: saving of the cheapest faithful configuration: 39.22" in capsys.readouterr().out


def test_without_a_run_folder_it_says_which_options_there_are(capsys):
    with pytest.raises(SystemExit, match="2"):
        frontier.main(["--model", "bert-base"])
    assert "--read" in capsys.readouterr().err
