"""A fused encoder gives what Transformers' own does: on a CPU, with plain PyTorch in the kernels' place."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.make import models as tiny
from trainables.batches import plan, stage, take
from trainables.device import BackendError
from trainables.model.architectures import ARCHITECTURES, first_position, layer_list
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.model.fused.layers import FusedLayer, use_fused
from trainables.model.fused.operations import REFERENCE

CPU = torch.device("cpu")
KNOWN = [a.name for a in ARCHITECTURES.values() if a.parts]
LENGTHS = [1, 128, 3, 130, 17, 64, 2, 200, 128, 5]  # tokens; 128 and more are other kernels' on a GPU
POSITIONS = {"max_position_embeddings": 256}


def spans(name, **changes):
    """A model that answers with spans, of the weights of `tiny.model`."""
    from transformers import AutoModelForQuestionAnswering

    torch.manual_seed(0)
    made = AutoModelForQuestionAnswering.from_config(tiny.config(name, **changes), dtype=torch.float32)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    return made.eval()


def packed_batch(model, rng, lengths=LENGTHS):
    """Inputs and the batch that holds them, in one order."""
    inputs = tiny.inputs(lengths, rng, model.config.pad_token_id)
    planned = plan(inputs.ids.lengths, 64, 256, "packed")
    staged = stage(inputs, planned, CPU, True, first_position(model.config))
    return take(inputs, planned.batches[0]), staged[0]


def outputs(model, batch):
    with torch.inference_mode():
        found = model(**batch.tensors(), max_seqlen=batch.max_seqlen)
    return found.logits if "logits" in found else torch.stack([found.start_logits, found.end_logits], -1)[0]


def one_by_one(model, inputs):
    """Transformers' own outputs of each input alone, without padding."""
    found = []
    for begin, end in zip(inputs.ids.offsets[:-1], inputs.ids.offsets[1:], strict=True):
        ids = torch.from_numpy(inputs.ids.values[begin:end].astype(np.int64))[None]
        with torch.inference_mode():
            out = model(input_ids=ids)
        found.append(out.logits if "logits" in out else torch.stack([out.start_logits, out.end_logits], -1)[0])
    return torch.cat(found)


def fused(master, classify, dtype=torch.float32, depth=3, **settings):
    model = cut(master, depth, dtype, CPU)
    use_packed_attention(model, classify=classify)
    use_fused(model, **settings)
    return model


def shallow(master, depth=3):
    """Transformers' own model of the first layers."""
    layers = layer_list(master)
    del layers[depth:]
    return master


@pytest.mark.parametrize("name", KNOWN)
def test_a_classifier_gives_transformers_logits(name, rng):
    master = tiny.model(name, **POSITIONS)
    inputs, batch = packed_batch(master, rng)
    found = outputs(fused(master, classify=True), batch)
    expected = one_by_one(shallow(master), inputs)
    assert expected.std() > 0.05
    torch.testing.assert_close(found[: len(LENGTHS)], expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("name", KNOWN)
def test_spans_are_transformers_own(name, rng):
    master = spans(name, **POSITIONS)
    inputs, batch = packed_batch(master, rng)
    found = outputs(fused(master, classify=False), batch)
    expected = one_by_one(shallow(master), inputs)
    torch.testing.assert_close(found[: len(expected)], expected, atol=5e-5, rtol=1e-5)


def test_a_single_sequence_of_one_token(rng):
    master = tiny.model()
    inputs, batch = packed_batch(master, rng, [1])
    found = outputs(fused(master, classify=True), batch)
    torch.testing.assert_close(found[:1], one_by_one(shallow(master), inputs), atol=2e-5, rtol=1e-5)


def test_an_embedding_narrower_than_the_layers(rng):
    master = tiny.model("electra", embedding_size=16, **POSITIONS)
    inputs, batch = packed_batch(master, rng)
    found = outputs(fused(master, classify=True), batch)
    torch.testing.assert_close(found[: len(LENGTHS)], one_by_one(shallow(master), inputs), atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("activation", ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"])
def test_the_tanh_form_is_computed_where_the_config_says_so(activation, rng):
    master = tiny.model(hidden_act=activation, **POSITIONS)
    inputs, batch = packed_batch(master, rng)
    found = outputs(fused(master, classify=True), batch)
    torch.testing.assert_close(found[: len(LENGTHS)], one_by_one(shallow(master), inputs), atol=2e-5, rtol=1e-5)


def test_the_tanh_recipe_is_near_and_not_the_same(rng):
    master = tiny.model(**POSITIONS)
    inputs, batch = packed_batch(master, rng)
    error = (outputs(fused(master, True, tanh=True), batch)[: len(LENGTHS)] - one_by_one(shallow(master), inputs)).abs()
    assert 1e-5 < float(error.max()) < 5e-3


def test_steps_apart_give_the_same(rng):
    """What a benchmark switches off to see its share."""
    master = tiny.model(**POSITIONS)
    batch = packed_batch(master, rng)[1]
    apart = replace(REFERENCE, product_on_residual=False)
    both = [outputs(fused(master, True, operations=o), batch) for o in (REFERENCE, apart)]
    torch.testing.assert_close(*both, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", KNOWN)
def test_8_bit_integers_are_no_further_from_fp32_than_without_fusing(name, rng):
    master = tiny.model(name, **POSITIONS)
    batch = packed_batch(master, rng, rng.integers(2, 30, 64).tolist())[1]  # enough that chance says little
    exact = outputs(fused(master, classify=True), batch)
    ours = outputs(fused(master, True, torch.int8), batch).float()
    plain = cut(master, 3, torch.int8, CPU)
    use_packed_attention(plain, classify=True)
    eager = outputs(plain, batch).float()
    ours_error, eager_error = (float((x - exact).square().mean().sqrt() / exact.std()) for x in (ours, eager))
    assert 1e-3 < ours_error < max(1.25 * eager_error, 0.02)


def test_the_last_layer_says_what_it_leaves_out():
    for name in KNOWN:
        for classify in (True, False):
            layers = layer_list(fused(tiny.model(name), classify))
            assert [layer.leaves_out for layer in layers] == [False, False, classify]


def test_a_second_time_changes_nothing():
    model = fused(tiny.model(), classify=True)
    before = list(model.modules())
    use_fused(model)
    assert list(model.modules()) == before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int8])
def test_old_weights_are_gone_and_none_are_there_twice(dtype):
    model = cut(tiny.model(), 3, dtype, CPU)
    use_packed_attention(model, classify=True)

    def tensors():
        return [*model.parameters(), *model.buffers()]

    size = sum(t.nbytes for t in tensors())
    old = weakref.ref(layer_list(model)[0])
    down = layer_list(model)[0].output.dense.weight.data_ptr()
    use_fused(model)
    assert old() is None
    assert sum(t.nbytes for t in tensors()) == size
    assert layer_list(model)[0].down.weight.data_ptr() == down, "moved, not copied"


def test_the_master_stays_as_it_is(rng):
    master = tiny.model(**POSITIONS)
    before = {name: tensor.clone() for name, tensor in master.state_dict().items()}
    batch = packed_batch(master, rng)[1]
    outputs(fused(master, classify=True), batch)
    assert all(torch.equal(tensor, before[name]) for name, tensor in master.state_dict().items())
    assert not any(isinstance(m, FusedLayer) for m in master.modules())


def test_an_architecture_that_is_not_known_says_which_are():
    model = cut(tiny.model("modernbert"), 2, torch.float32, CPU)
    with pytest.raises(BackendError, match=r"known of bert, roberta, .*, but the model is a modernbert"):
        use_fused(model)


def test_another_activation_is_refused():
    model = cut(tiny.model(hidden_act="relu"), 2, torch.float32, CPU)
    use_packed_attention(model, classify=True)
    with pytest.raises(BackendError, match=r"must be one of gelu, .*, but the model has 'relu'; use cuda_graph"):
        use_fused(model)
