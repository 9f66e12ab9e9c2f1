"""The experiment's configurations by hand, and a smoke run of what is installed."""

import json

import pytest
import torch

from benchmarks.experiments.engines import ENGINES
from benchmarks.experiments.engines import run as module
from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig


def test_each_engine_is_tried_in_the_precisions_that_it_has_here(monkeypatch):
    usual = TrialConfig("sst2", "model", 42, 128, 6, "fp32", padding="packed")

    def found(device):
        return [(t.backend, t.precision) for t in module.configurations(usual, torch.device(device))]

    monkeypatch.setattr(module, "lacking", lambda *_: "")
    eager = [("eager", precision) for precision in ("fp32", "bf16", "int8")]
    both = [("onnxruntime", "fp32"), ("onnxruntime", "int8"), *(("openvino", p) for _, p in eager)]
    assert found("cpu") == [*eager, *both]
    assert found("cuda") == [("eager", "fp16"), ("eager", "bf16"), ("eager", "int8")], "packed"
    monkeypatch.setattr(module, "lacking", lambda *_: "not installed")
    assert found("cpu") == eager


def test_a_model_must_be_named():
    with pytest.raises(UsageError, match="--checkpoint must name a folder"):
        ENGINES.main([])


@pytest.mark.slow
def test_a_smoke_run_counts_no_changed_class_in_fp32(tmp_path):
    assert ENGINES.main(["--smoke", "--rounds", "1", "--cpus", "1", "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "engines.json").read_text())["configurations"]
    assert len(found) >= 6
    assert all(one["changed"] == 0 for one in found if one["precision"] == "fp32")
    assert all(one["least_ms_per_example"] > 0 for one in found)
