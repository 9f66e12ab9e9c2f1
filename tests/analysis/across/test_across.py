"""Several tasks against each other: where regimes end, whether energy depends on the task, what is refused."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.across.build import Across, build_across
from analysis.across.command import main
from analysis.findings.comparison import compare
from analysis.words.across import notes, sentences
from tests.make.runs import two_tasks

pytestmark = pytest.mark.seconds

LENGTHS = (16, 32, 48, 64, 128)
A, B, C = 0.004, 3e-4, 4e-7
NASTY = "<script>window.pwned=1</script>"


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory) -> tuple[Across, str]:
    folder = tmp_path_factory.mktemp("across")
    made = build_across(two_tasks(folder), folder / "out")
    return made, made.html.read_text(encoding="utf-8")


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


def test_of_several_models_one_is_compared_when_it_is_named(
    tmp_path: Path, across: tuple[Across, str], capsys: Any
) -> None:
    paths = two_tasks(tmp_path)
    for path in paths:
        first = pd.read_csv(path / "results.csv").assign(model_place=0, layers=12)
        second = first.assign(model="org/small", model_place=1, trial_id="small-" + first["trial_id"])
        second["energy_j_per_example"] /= 2
        pd.concat([first, second]).to_csv(path / "results.csv", index=False)
    asked = [*map(str, paths), "--output", str(tmp_path / "out"), "--model"]
    assert main(asked[:-1]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "got sst2: bert-base-uncased, small; squad: bert-base-uncased, small; energies of different models" in said
    assert said.rstrip().endswith("choose with --model bert-base-uncased or --model small")
    assert main([*asked, "tiny"]) == 2
    assert "tiny is not in sst2: bert-base-uncased, small; squad: bert" in capsys.readouterr().err
    alone, both = across[0], compare(paths, model="bert-base-uncased")
    assert sentences(both) == alone.sentences
    small = compare(paths, model="small")
    assert small.model == "small"
    for task, before in zip(small.tasks, both.tasks, strict=True):
        assert task.baseline is not None
        assert before.baseline is not None
        assert task.baseline["energy_j_per_example"] == pytest.approx(before.baseline["energy_j_per_example"] / 2)


@pytest.mark.usefixtures("sketches")
def test_estimates_are_compared_with_estimates_and_called_so(tmp_path: Path, capsys: Any) -> None:
    paths = two_tasks(tmp_path, sst2={"energy_source": "estimate"}, squad={"energy_source": "estimate"})
    assert main([*map(str, paths), "--output", str(tmp_path / "out")]) == 0
    assert "ENERGY IS ESTIMATED, NOT MEASURED" in capsys.readouterr().out
    html = (tmp_path / "out" / "across.html").read_text(encoding="utf-8")
    assert '<span class="badge estimated">estimated</span>' in html
    assert "measured</span>" not in html
    assert "energy estimated, not measured" in (tmp_path / "out" / "across.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("sketches")
def test_payback_stands_beside_each_task(tmp_path: Path) -> None:
    first, second = two_tasks(tmp_path)
    tuned = {"task": "sst2", "model": "bert-base-uncased", "seed": 42, "train_energy_source": "nvml_counter"}
    pd.DataFrame([tuned | {"train_energy_j": 3.5e4}]).to_csv(first / "finetune.csv", index=False)
    html = build_across([first, second], tmp_path / "out").html.read_text(encoding="utf-8")
    assert "Paid back after" in html
    assert "100 thousand" in html  # 35 kJ over 0.383 - 0.032 J


def test_without_accuracy_energy_is_still_compared(tmp_path: Path) -> None:
    paths = two_tasks(tmp_path)
    for path in paths:
        rows = pd.read_csv(path / "results.csv").assign(accuracy=None, correct_bits=None, energy_j_per_correct=None)
        rows.to_csv(path / "results.csv", index=False)
    made = build_across(paths, tmp_path / "out")
    assert made.gallery.problems == []
    assert made.headline == "An input of one length costs the same on all of them"
    assert "The score of sst2 is not known, so only its energy is compared." in notes(made.comparison)
    assert not any("score" in line for line in made.sentences)


def test_a_baseline_precision_of_one_length_leaves_the_others_to_be_drawn(tmp_path: Path) -> None:
    paths = two_tasks(tmp_path, sst2={"depths": (12,)}, squad={"depths": (12,)})
    for path in paths:
        rows = pd.read_csv(path / "results.csv")
        longest = rows["max_seq_len"] == rows["max_seq_len"].max()
        rows[longest | (rows["precision"] == "fp16")].to_csv(path / "results.csv", index=False)
    made = build_across(paths, tmp_path / "out")
    assert made.gallery.problems == []
    assert [p.name for p in made.gallery["regime"]] == ["across_score_length"]


def test_nothing_of_the_data_becomes_markup(tmp_path: Path) -> None:
    paths = two_tasks(tmp_path)
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
