"""From raw text to answers: the bars by hand, a smoke run of every way and task, and what is not installed."""

import json
import sys

import pytest
import torch

from benchmarks.checks.end_to_end import END_TO_END, Arguments
from benchmarks.checks.end_to_end import run as module
from benchmarks.checks.end_to_end.run import agreement_bars, energy_bars
from benchmarks.experiments.peers import PEERS
from benchmarks.lib.raw_text import Found
from benchmarks.lib.raw_text_agreement import Agreement
from benchmarks.lib.raw_text_ways import PRODUCT, PUBLISHED, SORTED
from search_spaces.errors import UsageError

pytestmark = pytest.mark.seconds

SMOKE = ["--smoke", "--copies", "1", "--seconds", "0.1", "--cpus", "1", "--batch", "16"]


def test_bars_are_ratios_of_joules():
    found = [Found(PRODUCT, energy_j=8e-3), Found(PUBLISHED, energy_j=0.4), Found(SORTED, energy_j=24e-3)]
    found += [Found("encoder", energy_j=16e-3), Found("absent", problem="not installed")]
    bars = energy_bars(found, 7.5e-3, Arguments())
    assert [bar.value for bar in bars] == pytest.approx([16 / 15, 50, 3, 2])
    assert all(bar.met for bar in bars)
    missed = energy_bars(found, 7e-3, Arguments(sorted_bar=3.1, peer_bar=2.1))
    assert [bar.met for bar in missed] == [False, True, False, False]


def test_what_was_not_measured_is_missed():
    assert [bar.met for bar in energy_bars([Found(PRODUCT, problem="no memory")], 7e-3, Arguments())] == [False] * 4
    found = [Found(PRODUCT, energy_j=8e-3), Found(PUBLISHED, energy_j=0.4), Found(SORTED, problem="no memory")]
    assert [bar.met for bar in energy_bars(found, None, Arguments())] == [False, True, False, True]


def test_bars_are_those_of_the_task_unless_they_are_given():
    found = [Found(PRODUCT, energy_j=8e-3), Found(PUBLISHED, energy_j=0.1), Found(SORTED, energy_j=9e-3)]
    assert [bar.limit for bar in energy_bars(found, 7.5e-3, Arguments(task="squad"))] == [1.1, 1]
    assert all(bar.met for bar in energy_bars(found, 7.5e-3, Arguments(task="squad")))
    given = energy_bars(found, 7.5e-3, Arguments(task="qqp", published_bar=12, sorted_bar=2))
    assert [(bar.limit, bar.met) for bar in given] == [(1.1, True), (12, True), (2, False), (1, True)]


def test_a_difference_is_excused_by_a_small_margin_alone():
    close = Agreement(200, 0.01, 2.0, [(7, 0.019)])
    assert [(bar.value, bar.met) for bar in agreement_bars(close, Arguments())] == [(0.005, True), (0, True)]
    apart = Agreement(200, 0.01, 2.0, [(7, 0.019), (9, 0.02), (11, float("nan"))])
    assert [(bar.value, bar.met) for bar in agreement_bars(apart, Arguments())] == [(0.005, True), (2, False)]
    wrong = Agreement(200, 1.5, 2.0, [(7, 1.9)])
    assert [bar.met for bar in agreement_bars(wrong, Arguments())] == [False, True]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The check with bars that a busy CPU meets: (exit code, what it keeps)."""
    folder = tmp_path_factory.mktemp("end_to_end")
    wide = ["--staged-bar", "1e9", "--published-bar", "0", "--sorted-bar", "0", "--peer-bar", "0"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "sentence_transformers", None)
        code = END_TO_END.main([*SMOKE, *wide, "--output", str(folder)])
    return code, json.loads((folder / "end_to_end.json").read_text())


def test_a_smoke_run_goes_every_way_and_keeps_its_numbers(smoke):
    code, found = smoke
    ways = {way["name"]: way for way in found["ways"]}
    # A CPU has no fp16 to speak of: the sorted loop runs in bf16 there, and its bar is missed.
    assert code == 1
    assert [bar["met"] for bar in found["bars"]] == [True, True, False, True, True, True]
    assert len(ways) == 7
    assert [name for name, way in ways.items() if way["problem"]] == ["sentence-transformers encode, bf16, batch 436"]
    done = [way for way in ways.values() if not way["problem"]]
    assert all(way["seconds"] > 0 and way["load_s"] > 0 and way["first_ms"] > 0 for way in done)
    assert found["staged_j_per_example"] > 0
    assert abs(ways[PRODUCT]["accuracy"] - ways[PUBLISHED]["accuracy"]) < 0.1, "the same model"


def test_the_predictor_answers_what_the_trial_answered(smoke):
    _, found = smoke
    assert found["agreement"]["compared"] == 128
    assert found["agreement"]["unexplained"] == 0
    assert 0 < found["agreement"]["largest_difference"] < 0.05 * found["agreement"]["logit_range"], "it is bf16"


@pytest.mark.parametrize("task", ["qqp", "squad"])
def test_pairs_and_questions_go_every_way_that_there_is_for_them(task, tmp_path, capsys):
    wide = ["--staged-bar", "1e9", "--peer-bar", "0", "--precision", "fp32", "--padding", "longest"]
    assert END_TO_END.main([*SMOKE, *wide, "--task", task, "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "end_to_end.json").read_text())
    ways = {way["name"]: way for way in found["ways"]}
    assert not any(way["problem"] for way in ways.values())
    assert ("Transformers pipeline, bf16, batch 64" in ways) == (task == "qqp")
    assert len(ways) == (6 if task == "qqp" else 5)
    assert found["configuration"]["max_seq_len"] == (128 if task == "qqp" else 384)
    assert found["agreement"]["differing"] == []
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(PRODUCT))
    assert row.endswith("100.00 %"), "in fp32 its answers are the loop's, spans of two windows included"


def test_peers_are_a_table(capsys):
    assert PEERS.main([*SMOKE, "--precision", "fp32"]) == 0
    shown = capsys.readouterr().out
    (row,) = (line for line in shown.splitlines() if line.startswith(PRODUCT))
    assert row.endswith("100.00 %"), "in fp32 its answers are the loop's"
    assert "load s" in shown
    assert "first ms" in shown


def test_without_a_gpu_it_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(module, "accelerator", lambda: torch.device("cpu"))
    monkeypatch.setattr(module, "opened", lambda _: pytest.fail("a model is loaded"))
    with pytest.raises(UsageError, match="this check needs a CUDA device"):
        module.run(Arguments())
