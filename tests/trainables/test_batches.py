"""Padding plans and staged batches: every input once, no real token lost, and paddings agree."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.make import models as tiny
from tests.make.passes import all_logits
from trainables import backends, batches
from trainables.device import BackendError
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut

CPU = torch.device("cpu")
LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11]


@given(
    lengths=st.lists(st.integers(3, 32), min_size=1, max_size=60),
    batch_size=st.integers(1, 16),
    padding=st.sampled_from(["max_length", "longest", "packed"]),
)
def test_every_input_is_in_exactly_one_batch_that_fits_it(lengths, batch_size, padding):
    lengths = np.array(lengths)
    plan = batches.plan(lengths, batch_size, 32, padding)
    assert sorted(np.concatenate(plan.batches).tolist()) == list(range(len(lengths)))
    for rows, width in zip(plan.batches, plan.width, strict=True):
        assert len(rows) <= batch_size
        assert width >= (lengths[rows].sum() if padding == "packed" else lengths[rows].max())
    assert plan.tokens >= lengths.sum()


def test_token_counts_worked_by_hand():
    lengths = np.array([3, 16, 9, 9])
    assert batches.plan(lengths, 2, 32, "max_length").tokens == 4 * 32
    # sorted 16 9 | 9 3: 2 rows of 16, 2 rows of 9 rounded up to 16
    assert batches.plan(lengths, 2, 32, "longest").tokens == 2 * 16 + 2 * 16
    # dealt {16, 3} and {9, 9}: both batches as wide as 19 rounded up to 24
    assert batches.plan(lengths, 2, 32, "packed").tokens == 2 * 24


def test_longest_never_exceeds_the_limit():
    assert batches.plan(np.array([20, 20]), 2, 20, "longest").width == (20,)


@pytest.mark.parametrize("padding", ["max_length", "longest", "packed"])
def test_no_real_token_is_lost(padding, rng):
    inputs = tiny.inputs(LENGTHS, rng)
    plan = batches.plan(inputs.ids.lengths, 4, 16, padding)
    for rows, batch in zip(plan.batches, batches.stage(inputs, plan, CPU), strict=True):
        for k, row in enumerate(rows):
            if padding == "packed":
                begin, end = batch.cu_seqlens[k], batch.cu_seqlens[k + 1]
                got = batch.input_ids[0, begin:end]
                assert batch.starts[k] == begin
                assert batch.position_ids[0, begin:end].tolist() == list(range(end - begin))
            else:
                got = batch.input_ids[k, : LENGTHS[row]]
                assert (batch.input_ids[k, LENGTHS[row] :] == inputs.pad_id).all()
            assert got.tolist() == inputs.ids[row].tolist()


def test_taking_inputs_keeps_order_examples_and_pads(rng):
    inputs = tiny.inputs(LENGTHS, rng, pad_id=3)
    few = batches.take(inputs, np.array([5, 2]))
    assert [ids.tolist() for ids in (few.ids[0], few.ids[1])] == [inputs.ids[5].tolist(), inputs.ids[2].tolist()]
    assert few.token_types.lengths.tolist() == [12, 9]
    assert few.example.tolist() == [5, 2]
    assert few.pad_id == 3


@pytest.mark.parametrize("architecture", ["bert", "roberta", "electra", "distilbert", "mpnet"])
@pytest.mark.parametrize("padding", ["longest", "packed"])
def test_paddings_agree(architecture, padding, rng):
    master = tiny.model(architecture)
    inputs = tiny.inputs(LENGTHS, rng, pad_id=master.config.pad_token_id)
    fresh = [cut(master, 3, torch.float32, CPU) for _ in range(2)]
    reference = all_logits(fresh[0], inputs, "max_length")
    assert np.ptp(reference[:, 0]) > 0.1
    np.testing.assert_allclose(all_logits(fresh[1], inputs, padding), reference, atol=2e-5)


def test_each_input_alone_is_the_reference(rng):
    model = cut(tiny.model(), 4, torch.float32, CPU)
    inputs = tiny.inputs(LENGTHS, rng)
    with torch.inference_mode():
        alone = [model(input_ids=torch.from_numpy(inputs.ids[i].astype(np.int64))[None]).logits[0] for i in range(11)]
    np.testing.assert_allclose(all_logits(model, inputs, "longest"), torch.stack(alone).numpy(), atol=2e-5)


def test_packing_sliding_windows_says_why_not(rng):
    model = cut(tiny.model("modernbert"), 2, torch.float32, CPU)
    with pytest.raises(BackendError, match="no sliding windows, but modernbert needs them; use padding"):
        all_logits(model, tiny.inputs(LENGTHS, rng), "packed")


def test_packed_batches_share_one_shape(rng):
    inputs = tiny.inputs(LENGTHS, rng)
    plan = batches.plan(inputs.ids.lengths, 4, 16, "packed")
    assert len({b.shape for b in batches.stage(inputs, plan, CPU)}) == 1


def test_a_filler_longer_than_any_input_is_within_the_longest_sequence(rng):
    # 9 9 9 dealt to two batches: 18 and 9 tokens, both 24 wide, so one filler has 15 tokens.
    inputs = tiny.inputs([9, 9, 9], rng)
    staged = batches.stage(inputs, batches.plan(inputs.ids.lengths, 2, 16, "packed"), CPU)
    assert {b.max_seqlen for b in staged} == {15}
    assert max(int(b.cu_seqlens.diff().max()) for b in staged) == 15
    assert max(int(b.position_ids.max()) for b in staged) == 8


@pytest.mark.parametrize("architecture", ["bert", "mpnet"])
def test_a_head_that_reads_the_first_token_costs_no_more_than_it_reads(architecture, rng):
    """Behind the last layer's attention only the first tokens go on: the products shrink, the logits stay."""
    from torch.utils.flop_counter import FlopCounterMode

    master = tiny.model(architecture)
    inputs = tiny.inputs(LENGTHS, rng)
    plan = batches.plan(inputs.ids.lengths, 11, 16, "packed")
    (batch,) = batches.stage(inputs, plan, CPU)
    model = cut(master, 1, torch.float32, CPU)
    use_packed_attention(model, classify=True)
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        backends.build("eager", model, [batch])(0)
    h, i, tokens, sequences = 32, 64, plan.width[0], 11
    products = 3 * tokens * h * h + sequences * (h * h + 2 * h * i + h * h + 2 * h)  # last two: pooler, head
    by_op = counted.get_flop_counts()["Global"]
    assert by_op[torch.ops.aten.addmm] == 2 * products
