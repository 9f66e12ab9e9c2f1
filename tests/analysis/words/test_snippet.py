"""The snippet: Python for every axis, which cuts the right layers of a model that it does not know by name."""

import json

import pytest
import torch

from analysis.words.snippet import NO_CHECKPOINT, Checkpoint, _cut, find_checkpoint, snippet
from search_spaces.backends import BACKENDS, Backend
from search_spaces.errors import UsageError
from search_spaces.precisions import PRECISIONS, Precision
from tests.make import models as tiny
from tests.make.rows import row
from trainables.model.architectures import ARCHITECTURES
from trainables.model.cut import cut

IDS = torch.randint(5, 50, (3, 10), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("task", ["sst2", "qqp", "squad", "demo"])
@pytest.mark.parametrize("padding", ["max_length", "longest", "packed"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_it_is_python_for_every_axis(task, padding, backend):
    for name, precision in PRECISIONS.items():
        text = snippet(row(48, 6, name, task=task, padding=padding, backend=backend), full_depth=12)
        compile(text, "snippet", "exec")
        assert "num_hidden_layers = 6" in text
        assert ('padding="max_length"' in text) == (padding == "max_length")
        assert (f"{name} linear layers" in text) == precision.quantised
        assert f"dtype = torch.{'bfloat16' if precision.quantised else precision.dtype}" in text


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("known", [True, False])
def test_its_lines_cut_the_model_that_was_measured(architecture, known):
    model = tiny.model(architecture)
    lines = _cut(2, 4, ARCHITECTURES[architecture].layers if known else None)
    exec("\n".join(lines), {"torch": torch, "model": model})  # noqa: S102 (our own lines)
    measured = cut(tiny.model(architecture), 2, torch.float32, torch.device("cpu"))
    with torch.inference_mode():
        assert torch.equal(model(input_ids=IDS).logits, measured(input_ids=IDS).logits)
    assert model.config.num_hidden_layers == 2


def test_the_layers_are_those_of_the_weights_not_of_a_name(tmp_path):
    folder = tmp_path / "finetuned-42"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "modernbert"}))
    (tmp_path / "sweep.json").write_text(json.dumps({"checkpoint": str(folder)}))
    found = find_checkpoint(tmp_path, "sst2", "bert-base-uncased")
    assert found is not None
    assert "model.base_model.layers = model.base_model.layers[:3]" in snippet(row(48, 3), 12, found)
    assert Checkpoint(str(folder)).layers == "layers"


@pytest.mark.parametrize("config", [None, "{", "[]", "{}", '{"model_type": ["bert"]}', '{"model_type": "of-tomorrow"}'])
def test_weights_that_do_not_say_what_they_are_are_looked_at_when_it_runs(tmp_path, config):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    text = snippet(row(48, 3, model="distil-something"), 12, Checkpoint("somewhere", folder=tmp_path))
    assert "del layers[3:]  # of 12 layers" in text
    assert "transformer" not in text.replace("transformers", "")
    assert NO_CHECKPOINT.layers is None


def test_what_is_not_known_is_not_written_as_something_else():
    with pytest.raises(UsageError, match=r"a precision must be one of fp32, .*, but got 'int2'"):
        snippet(row(48) | {"precision": "int2"}, 12)
    with pytest.raises(UsageError, match=r"a backend must be one of eager, .*, but got 'onnx'"):
        snippet(row(48) | {"backend": "onnx"}, 12)
    assert "compile" not in snippet(row(48) | {"backend": None}, 12)


@pytest.fixture
def made_up():
    PRECISIONS.add(Precision("fp64", "float64"))
    BACKENDS.add(Backend("onnx", "somewhere", nearest=("model = exported(model)",)))
    yield
    del PRECISIONS["fp64"], BACKENDS["onnx"]


@pytest.mark.usefixtures("made_up")
def test_a_new_precision_and_backend_are_written_from_their_entries():
    text = snippet(row(48) | {"precision": "fp64", "backend": "onnx"}, 12)
    assert "dtype = torch.float64" in text
    assert "model = exported(model)" in text
