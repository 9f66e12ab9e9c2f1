"""Several tasks against each other: where regimes end, whether energy depends on the task, what is refused."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.across.build import Across, build_across
from analysis.across.command import main
from analysis.findings.agreement import AGREE, DISAGREE, Value, agreement
from analysis.findings.comparison import compare
from analysis.findings.configurations import configurations
from analysis.findings.per_token import per_token
from analysis.findings.recommend import recommend
from analysis.findings.regime import regime_ends
from analysis.findings.verdict import CANNOT_TELL
from search_spaces.errors import UsageError
from tests.make import runs as fabricated
from tests.make.rows import frame, row
from tests.make.runs import SQUAD_WINDOWS

LENGTHS = (16, 32, 48, 64, 128)
A, B, C = 0.004, 3e-4, 4e-7
NASTY = "<script>window.pwned=1</script>"


def runs(root: Path, **changes: dict[str, Any]) -> list[Path]:
    """sst2 and squad, as one card would measure them; `changes` by task go to `fabricated.table`."""
    made = {
        "sst2": {"lengths": LENGTHS, "depths": (10, 12)},
        "squad": {
            "lengths": tuple(SQUAD_WINDOWS),
            "depths": (10, 12),
            "windows": SQUAD_WINDOWS,
            "text_tokens": 55,
            "examples": 10570,
        },
    }
    return [
        fabricated.write_csv_run(root / task, fabricated.table(task=task, **(settings | changes.get(task, {}))))
        for task, settings in made.items()
    ]


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory) -> tuple[Across, str]:
    folder = tmp_path_factory.mktemp("across")
    made = build_across(runs(folder), folder / "out")
    return made, made.html.read_text(encoding="utf-8")


# ---- the stable regime


def judged(right: dict[int, int], precision: str = "fp32", **values: Any) -> list[dict[str, Any]]:
    return [row(length, 12, precision, right=n, **values) for length, n in right.items()]


def test_the_regime_ends_before_the_first_value_that_is_not_known_to_be_kept() -> None:
    """A point is 8.72 of 872 examples. 32 tokens are worse, so 16, though as good as 64, is beyond the end."""
    rows = judged({128: 800, 64: 800, 48: 799, 32: 700, 16: 800}, real_tokens_per_example=25.0)
    rows[2]["real_tokens_per_example"] = 24.0
    answer = recommend(frame(rows))
    (end,) = regime_ends(answer.table, answer.baseline, "max_seq_len")
    assert (end.value, end.precision, end.open) == (48, "fp32", False)
    assert end.beyond is not None
    assert (end.beyond["max_seq_len"], end.beyond["verdict"]) == (32, "worse")
    assert end.tokens_kept == pytest.approx(24 / 25)


def test_a_regime_may_go_on_below_what_was_measured() -> None:
    answer = recommend(frame(judged({128: 800, 64: 800})))
    (end,) = regime_ends(answer.table, answer.baseline, "max_seq_len")
    assert (end.value, end.open) == (64, True)
    assert regime_ends(answer.table, answer.baseline, "depth") == []


def test_a_precision_that_loses_everywhere_has_no_regime() -> None:
    rows = judged({128: 800, 64: 800}) + judged({128: 700, 64: 800}, "fp16", energy=0.05)
    answer = recommend(frame(rows))
    first, second = regime_ends(answer.table, answer.baseline, "max_seq_len")
    assert (first.precision, first.value) == ("fp32", 64)
    assert (second.precision, second.value, second.open) == ("fp16", None, False)


# ---- agreement


def value(centre: float, relative_se: float = 0.01, freedom: int = 1000) -> Value:
    half = 1.962 * relative_se * centre
    return Value(centre, centre - half, centre + half, relative_se, freedom)


@pytest.mark.parametrize(
    ("values", "verdict", "percent"),
    [
        ({"a": value(1.0), "b": value(1.02)}, AGREE, 2.0),  # at most 2 + 1.962 x 1.41 = 4.9 %
        ({"a": value(1.0), "b": value(1.2)}, DISAGREE, 20.0),
        ({"a": value(1.0), "b": value(1 / 1.2)}, DISAGREE, 20.0),  # the same in both directions
        ({"a": value(1.0), "b": value(1.09)}, CANNOT_TELL, 9.0),  # up to 12 %
        ({"a": value(1.0), "b": value(1.11)}, CANNOT_TELL, 11.0),  # down to 8 %
        ({"a": value(1.0), "b": value(1.03), "c": value(1.3)}, DISAGREE, 30.0),
        ({"a": value(1.0), "b": value(1.02, float("nan"))}, CANNOT_TELL, 2.0),
        ({"a": value(1.0), "b": value(-1.0)}, CANNOT_TELL, None),
        ({"a": value(1.0)}, CANNOT_TELL, None),
    ],
)
def test_agreement_is_an_equivalence_test(values: dict[str, Value], verdict: str, percent: float | None) -> None:
    found = agreement("the energy", values, 0.10)
    assert found.verdict == verdict
    assert found.percent == (None if percent is None else pytest.approx(percent))
    assert found.sentence()[0] in "TW"


def test_the_interval_of_a_ratio_is_students_t() -> None:
    """Standard errors of 3 and 4 %: 5 % together, times t(10; 0.975) = 2.228."""
    found = agreement("the energy", {"a": value(1.0, 0.03, 20), "b": value(1.0, 0.04, 10)}, 0.10)
    assert found.highest_percent == pytest.approx(100 * (math.exp(2.2281 * 0.05) - 1), rel=1e-4)
    assert found.sentence() == (
        "Whether the energy is the same on every task within 10 % cannot be told: a and b differ most, by 0 %, at "
        "most 12 %; the intervals are too wide."
    )


def test_a_bound_that_says_nothing_is_not_printed() -> None:
    found = agreement("the energy", {"a": value(1.0, 0.5, 1), "b": value(1.5, 0.5, 1)}, 0.10)
    assert found.highest_percent is not None
    assert found.highest_percent > 1e5
    assert "by 50 %, without a useful bound; the intervals are too wide." in found.sentence()


# ---- energy per token


def measured(factor: float = 1.0, windows: dict[int, float] | None = None, c: float = 0.0, **values: Any) -> Any:
    """A task's configurations: A per input, B per token, c per pair of tokens, 0.2 % of noise."""
    rng = np.random.default_rng(1)
    inputs = windows or dict.fromkeys((16, 32, 48, 64, 96, 128), 1.0)
    rows = [
        row(
            length,
            12,
            precision,
            energy=n * factor * (A + B * length + c * length**2) / cheaper * (1 + 0.002 * rng.standard_normal()),
            tokens_per_example=n * length,
            inputs_per_example=n,
            **values,
        )
        for length, n in inputs.items()
        for precision, cheaper in (("fp32", 1.0), ("fp16", 4.0))
    ]
    return configurations(frame(rows))


def test_tasks_on_one_line_agree_and_its_coefficients_are_found() -> None:
    found, missing = per_token({"sst2": measured(), "squad": measured(windows=SQUAD_WINDOWS)})
    assert missing == []
    fp32, fp16 = found
    assert (fp32.setting["precision"], fp16.setting["precision"]) == ("fp32", "fp16")
    assert (fp32.terms, fp32.at_tokens, fp32.depth) == (["a", "b"], 128, 12)
    for part, cheaper in ((fp32, 1.0), (fp16, 4.0)):
        for line in part.lines:
            assert line.coefficients["b"].value == pytest.approx(B / cheaper, rel=0.01)
            assert line.coefficients["b"].low < B / cheaper < line.coefficients["b"].high
            assert line.whole(128).value == pytest.approx((A + 128 * B) / cheaper, rel=0.01)
            assert line.loo_percent is not None
            assert line.loo_percent < 1
        assert (part.whole.verdict, part.marginal.verdict) == (AGREE, AGREE)


def repeated(replicates: int, noise: float = 0.004, **values: Any) -> Any:
    """One task at fp32, whose energy is no line in the length: 64 tokens cost as much as 128."""
    rng = np.random.default_rng(2)
    joules = {16: 0.1, 32: 0.2, 64: 0.4, 96: 0.4, 128: 0.4}
    rows = [
        row(length, energy=j * (1 + noise * rng.standard_normal()), replicate=r, **values)
        for length, j in joules.items()
        for r in range(replicates)
    ]
    return configurations(frame(rows))


def test_measured_inputs_are_compared_where_any_task_has_replicates() -> None:
    (found,), _ = per_token({"sst2": repeated(3), "qqp": repeated(1)})
    assert found.at_tokens == 64
    assert [v.value for v in found.compared.values()] == pytest.approx([0.4, 0.4], rel=0.01)
    assert found.whole.verdict == AGREE
    (fitted,), _ = per_token({"sst2": repeated(1), "qqp": repeated(1)})  # nothing says how far trials differ
    assert all(v.value < 0.39 for v in fitted.compared.values())
    assert fitted.whole.verdict == CANNOT_TELL


def test_a_measured_input_is_not_compared_with_a_fitted_one() -> None:
    shifted = repeated(1)
    shifted["tokens_per_example"] = shifted["max_seq_len"] = shifted["max_seq_len"] * 1.2
    (found,), _ = per_token({"sst2": repeated(3), "qqp": shifted})  # no length in common
    lines = {line.task: line.whole(found.at_tokens or 0).value for line in found.lines}
    assert {task: v.value for task, v in found.compared.items()} == lines


def test_replicates_that_differ_widen_the_interval_of_every_task() -> None:
    (quiet,), _ = per_token({"sst2": repeated(3), "qqp": repeated(1)})
    (noisy,), _ = per_token({"sst2": repeated(3, noise=0.2), "qqp": repeated(1)})
    widths = [p.compared["qqp"].relative_se for p in (quiet, noisy)]
    assert widths[1] > 10 * widths[0]
    assert noisy.whole.verdict == CANNOT_TELL


def test_a_task_whose_tokens_cost_more_is_named() -> None:
    found, _ = per_token({"sst2": measured(), "qqp": measured(), "squad": measured(1.25, SQUAD_WINDOWS)})
    assert {p.whole.verdict for p in found} == {p.marginal.verdict for p in found} == {DISAGREE}
    sentence = found[0].whole.sentence()
    assert sentence.startswith("The energy of an input of 128 tokens depends on the task by more than 10 %:")
    assert "squad" in sentence


def test_attention_is_in_the_form_of_every_task_where_all_points_together_want_it() -> None:
    """A short task alone could not tell; without the term the long one's tokens would seem to cost more."""
    found, _ = per_token({"sst2": measured(c=C), "squad": measured(c=C, windows=SQUAD_WINDOWS)})
    fp32 = found[0]
    assert fp32.terms == ["a", "b", "c"]
    (squad,) = [line for line in fp32.lines if line.task == "squad"]
    assert squad.coefficients["c"].value == pytest.approx(C, rel=0.2)
    assert squad.marginal(128).value == pytest.approx(B + 2 * C * 128, rel=0.1)
    assert fp32.whole.verdict == AGREE


def test_lengths_that_do_not_meet_are_not_compared() -> None:
    long = {length: n for length, n in SQUAD_WINDOWS.items() if length > 128}
    found, _ = per_token({"sst2": measured(), "squad": measured(windows=long)})
    assert found[0].at_tokens is None
    assert found[0].whole.verdict == CANNOT_TELL
    assert found[0].whole.sentence().endswith("cannot be told: the lengths of the tasks do not meet.")


def test_what_cannot_be_fitted_is_said() -> None:
    few = measured(windows={16: 1.0, 128: 1.0})
    found, missing = per_token({"sst2": measured(), "qqp": few})
    assert found == []
    assert missing[0] == "fp32: qqp has 2 lengths, and at least 3 are needed."
    shallow = measured().assign(depth=6)
    _, missing = per_token({"sst2": measured(), "qqp": shallow})
    assert missing[0].startswith("fp32: the tasks' full depths differ (sst2 12, qqp 6 layers)")
    assert per_token({"sst2": measured(), "qqp": measured(batch_size=128)}) == ([], [])


# ---- what may not be compared


def test_one_task_is_refused(tmp_path: Path) -> None:
    first, _ = runs(tmp_path)
    with pytest.raises(UsageError, match=r"runs of at least two tasks must be given, but got sst2; add the run"):
        compare([first])


@pytest.mark.parametrize(
    ("column", "other", "message"),
    [
        (
            "energy_source",
            "estimate",
            r"one source of energy, but got sst2: nvml_counter; squad: estimate; measured and",
        ),
        ("energy_source", "nvml_power", r"one source of energy, but got sst2: nvml_counter; squad: nvml_power"),
        ("gpu_name", "NVIDIA L4", r"one kind of card, but got sst2: NVIDIA H100 80GB HBM3; squad: NVIDIA L4;"),
        ("model", "roberta-base", r"one model, but got sst2: bert-base-uncased; squad: roberta-base;"),
    ],
)
def test_different_cards_sensors_and_models_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, other: str, message: str
) -> None:
    first, second = runs(tmp_path)
    rows = pd.read_csv(second / "results.csv").assign(**{column: other})
    rows.to_csv(second / "results.csv", index=False)
    with pytest.raises(UsageError, match=message):
        compare([first, second])
    assert main([str(first), str(second)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_estimate_hidden_in_a_flag_is_refused(tmp_path: Path) -> None:
    first, second = runs(tmp_path)
    rows = pd.read_csv(second / "results.csv").assign(flags="estimated")
    rows.to_csv(second / "results.csv", index=False)
    with pytest.raises(UsageError, match=r"squad: estimate"):
        compare([first, second])


def test_one_model_at_two_paths_is_one_model(tmp_path: Path) -> None:
    first, second = runs(tmp_path, sst2={"model": "bert-base-uncased"}, squad={"model": "/data/bert-base-uncased"})
    assert compare([first, second]).model == "bert-base-uncased"


def test_a_task_without_a_valid_energy_is_left_out_with_a_word(tmp_path: Path) -> None:
    first, second = runs(tmp_path)
    third = fabricated.write_csv_run(
        tmp_path / "qqp", fabricated.table(LENGTHS, (12,), task="qqp", flags="short_window")
    )
    found = compare([first, second, third])
    assert [task.name for task in found.tasks] == ["sst2", "squad"]
    assert "qqp has no trial with a valid energy, so it is not compared." in found.notes
    assert len(found.excluded) == 10


# ---- the report


def test_the_verdict_in_words(across: tuple[Across, str]) -> None:
    made, html = across
    assert made.gallery.problems == []
    assert made.headline == (
        "fp16 keeps the score on every task; the tokens that keep it are each task's own: 64 (sst2) and 224 (squad); "
        "an input of one length costs the same on all of them"
    )
    said = "\n".join(made.sentences)
    assert "fp16 keeps the score within 1 point on every task; it uses 6." in said
    assert "Length: the score is kept down to 64 tokens on sst2 and 224 tokens on squad." in said
    assert "Depth: nothing shallower than the baseline is known to keep the score on every task." in said
    assert "fp32: the energy of an input of 128 tokens is the same on every task within 10 %" in said
    assert "On squad a shorter limit does not always cost less (fp32): 192 tokens are cheapest, 128 cost" in said
    assert "with 2.39 model inputs per example against 1.42." in said
    assert all(line in html for line in made.sentences if "'" not in line)


def test_every_part_is_there(across: tuple[Across, str]) -> None:
    made, html = across
    for part in (
        "Where the stable regime ends",
        "What energy buys",
        "Energy along the axes",
        "Does energy know the task?",
        "What was measured",
    ):
        assert f"<h2>{part}</h2>" in html
    drawn = {p.name for p in (made.folder / "figures").iterdir()}
    names = ("score_length", "score_depth", "tradeoff", "energy_length", "energy_depth", "per_token", "slopes")
    assert drawn == {f"across_{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert html.count("<img ") == 7
    assert "://" not in html.replace("http://www.w3.org", "")
    assert "nan" not in html.split("base64")[0].lower()
    markdown = made.markdown.read_text(encoding="utf-8")
    assert "**fp16 keeps the score on every task" in markdown
    assert markdown.count("![") == 7
    assert "| fp32 | sst2 | 16 to 128 |" in markdown


def test_estimates_are_compared_with_estimates_and_called_so(tmp_path: Path, capsys: Any) -> None:
    paths = runs(tmp_path, sst2={"energy_source": "estimate"}, squad={"energy_source": "estimate"})
    assert main([*map(str, paths), "--output", str(tmp_path / "out")]) == 0
    assert "ENERGY IS ESTIMATED, NOT MEASURED" in capsys.readouterr().out
    html = (tmp_path / "out" / "across.html").read_text(encoding="utf-8")
    assert '<span class="badge estimated">estimated</span>' in html
    assert "measured</span>" not in html
    assert "energy estimated, not measured" in (tmp_path / "out" / "across.md").read_text(encoding="utf-8")


def test_payback_stands_beside_each_task(tmp_path: Path) -> None:
    first, second = runs(tmp_path)
    tuned = {"task": "sst2", "model": "bert-base-uncased", "seed": 42, "train_energy_source": "nvml_counter"}
    pd.DataFrame([tuned | {"train_energy_j": 3.5e4}]).to_csv(first / "finetune.csv", index=False)
    html = build_across([first, second], tmp_path / "out").html.read_text(encoding="utf-8")
    assert "Paid back after" in html
    assert "100 thousand" in html  # 35 kJ over 0.383 - 0.032 J


def test_without_accuracy_energy_is_still_compared(tmp_path: Path) -> None:
    paths = runs(tmp_path)
    for path in paths:
        rows = pd.read_csv(path / "results.csv").assign(accuracy=None, correct_bits=None, energy_j_per_correct=None)
        rows.to_csv(path / "results.csv", index=False)
    made = build_across(paths, tmp_path / "out")
    assert made.gallery.problems == []
    assert made.headline == "An input of one length costs the same on all of them"
    assert "The score of sst2 is not known, so only its energy is compared." in made.comparison.notes
    assert not any("score" in line for line in made.sentences)


def test_a_baseline_precision_of_one_length_leaves_the_others_to_be_drawn(tmp_path: Path) -> None:
    paths = runs(tmp_path, sst2={"depths": (12,)}, squad={"depths": (12,)})
    for path in paths:
        rows = pd.read_csv(path / "results.csv")
        longest = rows["max_seq_len"] == rows["max_seq_len"].max()
        rows[longest | (rows["precision"] == "fp16")].to_csv(path / "results.csv", index=False)
    made = build_across(paths, tmp_path / "out")
    assert made.gallery.problems == []
    assert [p.name for p in made.gallery["regime"]] == ["across_score_length"]


def test_nothing_of_the_data_becomes_markup(tmp_path: Path) -> None:
    paths = runs(tmp_path)
    for path in paths:
        rows = pd.read_csv(path / "results.csv").assign(gpu_name=NASTY)
        rows["task"] += NASTY
        rows.to_csv(path / "results.csv", index=False)
    made = build_across(paths, tmp_path / "out")
    assert made.gallery.problems == []
    assert "<script" not in made.html.read_text(encoding="utf-8")
    assert "<script" not in made.markdown.read_text(encoding="utf-8")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['across', '--help']\n"
        "import json, analysis.across.command\n"
        "try: analysis.across.command.main()\n"
        "finally: print(json.dumps(sorted({'pandas', 'numpy', 'matplotlib', 'torch', 'ray'} & set(sys.modules))))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert time.perf_counter() - start < 5  # 0.3 s alone
    assert "--tolerance" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == []
