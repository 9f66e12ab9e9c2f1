"""The frontier benchmark: which configurations count as the whole model, and what a kept run is worth."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.checks.frontier import FRONTIER
from benchmarks.checks.frontier.kernels import kind_of, linear_flop
from benchmarks.checks.frontier.points import Point, trials
from benchmarks.checks.frontier.savings import faithful
from search_spaces.errors import UsageError
from tests.make import runs as fabricated

POINTS = [Point("fp32", 64, "max_length", "eager"), Point("fp16", 64, "max_length", "eager")]
POINTS += [Point("fp16", 64, "packed", "eager"), Point("fp8", 64, "packed", "eager")]


def compared(error: float, flips: int, point: Point = POINTS[2]) -> dict:
    return point._asdict() | {"largest_error_over_range": error, "flips": flips, "examples": 872, "accuracy": None}


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
    assert (POINTS[2] in faithful(results)) is counts


def kept_run(folder: Path, joules: list[float], fp8_flips: int) -> Path:
    one = fabricated.table(lengths=(128,), depths=(12,), precisions=("fp32",))
    rows = [
        one.assign(**point._asdict(), energy_j_per_example=j, trial_id=str(i))
        for i, (point, j) in enumerate(zip(POINTS, joules, strict=True))
    ]
    fabricated.write_csv_run(folder, pd.concat(rows))
    results = [compared(0.001, 0), compared(0.001, fp8_flips, POINTS[3])]
    (folder / "frontier_logits_trained.json").write_text(json.dumps(results))
    return folder


def test_a_kept_run_is_judged_without_a_card(tmp_path, capsys):
    run = kept_run(tmp_path / "run", [0.4, 0.06, 0.0098, 0.005], fp8_flips=9)
    assert FRONTIER.main(["--read", str(run)]) == 0
    said = capsys.readouterr().out
    assert "the cheapest faithful configuration: fp16, 64, packed, eager" in said
    assert "bar met: saving of the cheapest faithful configuration: 40.82 (at least 40)" in said
    steps = {line.split()[0]: line.split() for line in said.splitlines() if line.startswith(("precision ", "padding "))}
    assert steps["padding"][1:6] == ["max_length", "packed", "60", "9.8", "6.122"]


def test_without_fine_tuned_weights_nothing_counts_yet(tmp_path, capsys):
    run = kept_run(tmp_path / "run", [0.4, 0.06, 0.0098, 0.005], fp8_flips=0)
    (run / "frontier_logits_trained.json").rename(run / "frontier_logits_random.json")
    assert FRONTIER.main(["--read", str(run)]) == 1
    assert "bar MISSED: saving of the cheapest faithful configuration" in capsys.readouterr().out


def test_a_way_that_was_not_measured_is_said_and_the_bars_are_printed(tmp_path, capsys):
    run = kept_run(tmp_path / "run", [0.4, 0.06, 0.0098, 0.005], fp8_flips=1)
    assert FRONTIER.main(["--read", str(run)]) == 0  # fp8 is the cheapest, and fp8 padded was not measured
    said = capsys.readouterr().out
    assert "Where the saving comes from cannot be told" in said
    assert "bar met: saving of the cheapest faithful configuration: 80 (at least 40)" in said


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("_attend", "attention"),
        ("void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<64, cutlass::half_t>>", "attention"),
        ("fmha_cutlassF_f16_aligned_64x64_rf_sm80(PyTorchMemEffAttention)", "attention"),
        ("nvjet_sm90_hsh_256x128_64x4_1x2_h_bz_coopA_bias_TNT", "matmul"),
        ("void cutlass::Kernel2<cutlass_80_wmma_tensorop_f16_s161616gemm_f16>", "matmul"),
        ("triton_poi_fused_gelu_view_2", "fused"),
        ("Memset (Unknown)", "other"),
    ],
)
def test_kernels_are_told_apart_by_their_names(kernel, kind):
    assert kind_of(kernel) == kind


def test_flop_of_linear_layers_leave_out_what_a_packed_classifier_does_not_compute():
    padded, packed = trials("bert-base", 12, [POINTS[0], POINTS[2]])
    a_layer = 24 * 768**2  # per token, of BERT-base
    assert linear_flop(10, padded, 768, 3072) == 10 * 12 * a_layer
    assert linear_flop(10, packed, 768, 3072) == 10 * (11 + 6 / 24) * a_layer


def test_a_saving_below_the_bar_is_a_miss(tmp_path, capsys):
    run = kept_run(tmp_path / "run", [0.4, 0.06, 0.0102, 0.005], fp8_flips=3)
    assert FRONTIER.main(["--read", str(run)]) == 1
    assert "bar MISSED: saving of the cheapest faithful configuration: 39.22" in capsys.readouterr().out


def test_without_a_run_folder_it_says_which_options_there_are():
    for arguments in ([], ["--verify", "b", "--output", "a"]):
        with pytest.raises(UsageError, match="give one run folder with --output"):
            FRONTIER.main(["--model", "bert-base", *arguments])
    with pytest.raises(UsageError, match="need --model"):
        FRONTIER.main(["--output", "a"])
