"""An export of an engine's trial is answered by that engine, in the trial's batches, or refused in a line."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from search_spaces.backends import BACKENDS
from search_spaces.errors import UsageError
from serving.bundle import BUNDLE_FILE
from serving.device import fitted
from serving.make_export import export
from serving.predictor import Predictor
from serving.run_folder import find
from tests.make.measured_run import trial_of
from trainables.load import cut, prepare
from trainables.model.loading import from_files, load_checkpoint
from trainables.rows.folder import weights_folder
from trainables.tasks import get_task

CPU = torch.device("cpu")
TEXTS = ["the soup was tasty .", "the room was cold and the bread was awful .", "soup"] * 15


def exported_as(engine: str, exported: Path, folder: Path, **versions: str) -> Path:
    """The export as if its trial had run on the engine."""
    if not importlib.util.find_spec(engine):
        pytest.skip(f"{engine} is not installed")
    shutil.copytree(exported, folder)
    written = json.loads((folder / BUNDLE_FILE).read_text())
    written["configuration"]["backend"] = engine
    written["versions"] |= versions
    (folder / BUNDLE_FILE).write_text(json.dumps(written))
    return folder


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_the_engine_answers_and_its_version_is_compared(engine, exported, tmp_path):
    plain = Predictor.load(exported)
    found = Predictor.load(exported_as(engine, exported, tmp_path / "out", **{engine: "0.1"}))
    assert found.engine.trial.backend == engine
    assert not found.engine.framed, "texts form the trial's batches, without filler"
    assert any(said.startswith(f"exported by {engine} 0.1, running on") for said in found.differences)
    np.testing.assert_allclose(found.outputs(TEXTS), plain.outputs(TEXTS), atol=1e-5)
    for count in (1, 7):
        np.testing.assert_allclose(found.outputs(TEXTS[:count]), plain.outputs(TEXTS[:count]), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_in_fewer_bits_the_logits_are_the_trials_to_the_bit(engine, precision, runs, tmp_path):
    """From the weights of the run, and from the 8-bit ones of the export."""
    if BACKENDS[engine].engine.refuses(precision, "packed", "cpu"):
        pytest.skip(f"{engine} has no {precision}")
    run, case = runs["demo"]
    source = find(run, trial_of(case, padding="packed", precision=precision).trial_id)
    export(source, tmp_path / "plain")
    predictor = Predictor.load(exported_as(engine, tmp_path / "plain", tmp_path / "out"))
    task, trial = get_task(case.task), predictor.engine.trial
    examples = task.load("validation", None, case.examples)
    weights = weights_folder(run, case.task, case.model, trial.seed)
    files, _ = load_checkpoint(str(weights), task.head, task.label_names(examples))
    inputs = task.inputs(task.tokenize(examples, case.tokenizer), trial.max_seq_len)
    with torch.inference_mode():
        theirs = prepare(trial, cut(trial, from_files(files), CPU), inputs).outputs()
    np.testing.assert_array_equal(predictor.engine.outputs(inputs), theirs)


def test_an_engine_that_is_not_here_or_does_not_compute_so_is_refused(exported, monkeypatch):
    trial = Predictor.load(exported).bundle.config
    with pytest.raises(UsageError, match=r"must be one that runs here, but openvino needs a CPU; or give another by"):
        fitted(trial, torch.device("cuda", 0), "openvino")
    monkeypatch.setattr("search_spaces.engines._version", lambda _: None)
    with pytest.raises(UsageError, match=r"but onnxruntime needs the package .* pip install"):
        Predictor.load(exported, backend="onnxruntime")
    assert fitted(trial, CPU).backend == "eager"
