"""The encoder's files: what comes back is what was saved, and what cannot be loaded says so in one line."""

import json

import pytest
import torch

from search_spaces.errors import UsageError
from tests.make import models as tiny
from trainables.model import loading


def test_plain_files_do_not_share_memory_with_the_model():
    files = loading.to_files(tiny.model(), "sequence_classification")
    model = loading.from_files(files)
    before = {name: array.copy() for name, array in files.weights.items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert all((files.weights[name] == before[name]).all() for name in before)


def test_an_unsupported_architecture_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "architectures": ["GPT2Model"]}))
    with pytest.raises(UsageError, match=r"an architecture must be one of bert, .*, but got 'gpt2'; enter it in"):
        loading.load_config(str(tmp_path))


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda d: None, "a model folder must hold a readable config.json"),
        (lambda d: (d / "config.json").write_text("{"), "a model folder must hold a readable config.json"),
    ],
)
def test_a_damaged_folder_is_one_line(tmp_path, prepare, message):
    prepare(tmp_path)
    with pytest.raises(UsageError, match=message):
        loading.load_config(str(tmp_path))


def test_a_missing_path_and_an_unreachable_hub_say_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="must be a hub id or an existing folder"):
        loading.load_config(str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="give a local folder instead"):
        loading.load_config("nobody/no-such-model")


def test_a_corrupt_checkpoint_is_refused(tmp_path):
    loading.save(tiny.model(), tmp_path)
    weights = tmp_path / loading.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UsageError, match="the files are damaged or incomplete"):
        loading.load_checkpoint(str(tmp_path), "sequence_classification", ("0", "1"))


def test_a_checkpoint_without_a_head_is_not_one(tmp_path):
    loading.save(tiny.model().base_model, tmp_path)
    with pytest.raises(UsageError, match=r"lacks classifier.bias .*give it as --model to fine-tune it first"):
        loading.load_checkpoint(str(tmp_path), "sequence_classification", ("0", "1"))


def test_pickled_weights_are_refused(tmp_path):
    model = tiny.model()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UsageError, match="weights must be safetensors"):
        loading.load_checkpoint(str(tmp_path), "sequence_classification", ("0", "1"))
