"""Engines are peers where they are installed, of classifiers alone."""

import json

import pytest
import torch

from benchmarks.experiments.peers import PEERS
from benchmarks.lib.raw_text_engines import engine_ways
from benchmarks.lib.raw_text_ways import Whole
from search_spaces.backends import BACKENDS


def test_what_is_not_installed_is_no_peer(tmp_path, monkeypatch):
    whole = Whole(tmp_path, torch.device("cpu"), 128)
    monkeypatch.setattr("search_spaces.engines._version", lambda _: None)
    assert engine_ways(whole) == []
    monkeypatch.setattr("benchmarks.lib.raw_text_engines.lacking", lambda *_: "")
    names = [way.name for way in engine_ways(whole)]
    assert len(names) == 2 * (2 + 3)
    assert names[0] == "onnxruntime loop, fp32, sorted, longest, batch 64"
    assert engine_ways(Whole(tmp_path, torch.device("cpu"), 384, "question_answering")) == []


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sst2", "qqp"])
def test_their_answers_are_the_fp32_loops(task, tmp_path):
    arguments = ["--smoke", "--copies", "1", "--seconds", "0.1", "--cpus", "1", "--batch", "16", "--task", task]
    assert PEERS.main([*arguments, "--output", str(tmp_path)]) == 0
    ways = {way["name"]: way for way in json.loads((tmp_path / "peers.json").read_text())["ways"]}
    found = [way for name, way in ways.items() if name.split()[0] in BACKENDS]
    exact = ways["Transformers loop, fp32, padded to the limit, batch 64"]["accuracy"]
    for way in found:
        assert not way["problem"]
        assert way["accuracy"] == pytest.approx(exact, abs=0 if "fp32" in way["name"] else 0.1)
    if not found:
        pytest.skip("no engine is installed")
