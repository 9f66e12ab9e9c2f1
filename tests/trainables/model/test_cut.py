"""The cut: cutting and casting give exactly the hand-cut model, and leave the master alone."""

import pytest
import torch

from tests.make import models as tiny
from trainables.model import loading
from trainables.model.architectures import ARCHITECTURES
from trainables.model.attention.position_bias import use_position_bias
from trainables.model.cut import cut

CPU = torch.device("cpu")
IDS = torch.randint(5, 50, (3, 10), generator=torch.Generator().manual_seed(0))


def logits(model):
    with torch.inference_mode():
        return model(input_ids=IDS.to(model.device)).logits


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_a_cut_model_equals_a_hand_cut_one(architecture, depth):
    master = tiny.model(architecture)
    before = logits(master)
    model = cut(master, depth, torch.float32, CPU)

    by_hand = tiny.model(architecture)
    owner = by_hand.base_model
    if architecture == "distilbert":
        owner.transformer.layer = owner.transformer.layer[:depth]
    elif architecture == "modernbert":
        owner.layers = owner.layers[:depth]
    else:
        owner.encoder.layer = owner.encoder.layer[:depth]

    if ARCHITECTURES[architecture].position_bias:
        use_position_bias(by_hand)  # another kernel rounds otherwise; test_position_bias.py compares with Transformers'

    assert torch.equal(logits(model), logits(by_hand))
    assert model.config.num_hidden_layers == depth
    assert master.config.num_hidden_layers == 4
    assert torch.equal(logits(master), before)
    if depth < 4:
        assert not torch.allclose(logits(model), before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_casting_casts_every_weight_and_not_the_master(dtype):
    master = tiny.model()
    model = cut(master, 2, dtype, CPU)
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert {p.dtype for p in master.parameters()} == {torch.float32}
    assert torch.allclose(logits(model).float(), logits(cut(master, 2, torch.float32, CPU)), atol=0.05)


def test_a_saved_cut_model_reloads_as_it_was(tmp_path):
    model = cut(tiny.model(), 2, torch.float32, CPU)
    loading.save(model, tmp_path)
    files = loading.load_checkpoint(str(tmp_path), "sequence_classification", ("0", "1"))[0]
    assert torch.equal(logits(loading.from_files(files)), logits(model))
