"""The encoder: cutting and casting give exactly the hand-cut model, and leave the master alone."""

import json

import pytest
import torch

from search_spaces.errors import UsageError
from tests.make import models as tiny
from trainables.model import loading as encoder

CPU = torch.device("cpu")
IDS = torch.randint(5, 50, (3, 10), generator=torch.Generator().manual_seed(0))


def logits(model):
    with torch.inference_mode():
        return model(input_ids=IDS.to(model.device)).logits


@pytest.mark.parametrize("architecture", ["bert", "roberta", "electra", "distilbert", "modernbert"])
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_a_cut_model_equals_a_hand_cut_one(architecture, depth):
    master = tiny.model(architecture)
    before = logits(master)
    model = encoder.cut(master, depth, torch.float32, CPU)

    by_hand = tiny.model(architecture)
    owner = by_hand.base_model
    if architecture == "distilbert":
        owner.transformer.layer = owner.transformer.layer[:depth]
    elif architecture == "modernbert":
        owner.layers = owner.layers[:depth]
    else:
        owner.encoder.layer = owner.encoder.layer[:depth]

    assert torch.equal(logits(model), logits(by_hand))
    assert model.config.num_hidden_layers == depth
    assert master.config.num_hidden_layers == 4
    assert torch.equal(logits(master), before)
    if depth < 4:
        assert not torch.allclose(logits(model), before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_casting_casts_every_weight_and_not_the_master(dtype):
    master = tiny.model()
    model = encoder.cut(master, 2, dtype, CPU)
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert {p.dtype for p in master.parameters()} == {torch.float32}
    assert torch.allclose(logits(model).float(), logits(encoder.cut(master, 2, torch.float32, CPU)), atol=0.05)


def test_a_saved_cut_model_reloads_as_it_was(tmp_path):
    model = encoder.cut(tiny.model(), 2, torch.float32, CPU)
    encoder.save(model, tmp_path)
    files = encoder.load_checkpoint(str(tmp_path), "sequence_classification")
    assert torch.equal(logits(encoder.from_files(files)), logits(model))


def test_plain_files_do_not_share_memory_with_the_model():
    files = encoder.to_files(tiny.model(), "sequence_classification")
    model = encoder.from_files(files)
    before = {name: array.copy() for name, array in files.weights.items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert all((files.weights[name] == before[name]).all() for name in before)


def test_positions_of_roberta_start_after_the_padding_id():
    assert encoder.max_positions(tiny.config("roberta")) == 64
    assert encoder.max_positions(tiny.config("bert")) == 64


def test_an_unsupported_architecture_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "architectures": ["GPT2Model"]}))
    with pytest.raises(UsageError, match=r"the architecture must be one of bert, .*, but got 'gpt2'"):
        encoder.load_config(str(tmp_path))


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
        encoder.load_config(str(tmp_path))


def test_a_missing_path_and_an_unreachable_hub_say_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="must be a hub id or an existing folder"):
        encoder.load_config(str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="give a local folder instead"):
        encoder.load_config("nobody/no-such-model")


def test_a_corrupt_checkpoint_is_refused(tmp_path):
    encoder.save(tiny.model(), tmp_path)
    weights = tmp_path / encoder.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UsageError, match="the files are damaged or incomplete"):
        encoder.load_checkpoint(str(tmp_path), "sequence_classification")


def test_a_checkpoint_without_a_head_is_not_one(tmp_path):
    encoder.save(tiny.model().base_model, tmp_path)
    with pytest.raises(UsageError, match="a checkpoint must hold every weight"):
        encoder.load_checkpoint(str(tmp_path), "sequence_classification")


def test_pickled_weights_are_refused(tmp_path):
    model = tiny.model()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UsageError, match="weights must be safetensors"):
        encoder.load_checkpoint(str(tmp_path), "sequence_classification")
