"""FLOP of the matmul reference: against BERT-base worked by hand, and against what torch counts."""

import numpy as np
import pytest
import torch

from tests.make import models as tiny
from trainables.model.architectures import layer_list
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.model.flops import config_sizes, encoder_flop, unread_flop

# Per layer of BERT-base, 48 tokens: four h x h products, two h x 4h, scores and weighted sum; 2 per multiply-add.
PROJECTIONS = 4 * 2 * 48 * 768 * 768  # 226,492,416
FEED_FORWARD = 2 * 2 * 48 * 768 * 3072  # 452,984,832
ATTENTION = 2 * 2 * 48 * 48 * 768  # 7,077,888


def test_bert_base_worked_by_hand():
    assert PROJECTIONS + FEED_FORWARD + ATTENTION == 686_555_136
    assert encoder_flop(np.array([48]), 12, 768, 3072) == 12 * 686_555_136 == 8_238_661_632
    # 25 tokens of SST-2 in fp16 at 1.08 pJ/FLOP, an 8192-cube matmul's on an H100: 4.6 mJ
    assert encoder_flop(np.array([25]), 12, 768, 3072) * 1.08e-12 == pytest.approx(4.6e-3, rel=0.01)


def test_the_closed_form_of_layers_four_times_as_wide_inside():
    # depth x (24 s h^2 + 4 s^2 h), s = 48, h = 768: 8.24 GFLOP
    assert encoder_flop(np.array([48]), 12, 768, 3072) == 12 * (24 * 48 * 768**2 + 4 * 48**2 * 768)
    assert encoder_flop(np.array([48]), 12, 768, 3072) == pytest.approx(8.24e9, rel=1e-3)
    assert encoder_flop(np.array([10, 20]), 1, 4, 8) == (8 * 16 + 4 * 4 * 8) * 30 + 4 * 4 * (100 + 400)


def test_attention_is_within_sequences():
    together = encoder_flop(np.array([10, 20]), 3, 8, 16)
    assert together == encoder_flop(np.array([10]), 3, 8, 16) + encoder_flop(np.array([20]), 3, 8, 16)
    assert together < encoder_flop(np.array([30]), 3, 8, 16)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "mpnet"])
@pytest.mark.parametrize("depth", [1, 3])
def test_it_is_what_torch_counts(architecture, depth):
    """But for the pooler and the head, which read one token of each sequence."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = cut(tiny.model(architecture), depth, torch.float32, torch.device("cpu"))
    ids = torch.full((5, 24), 7)
    plain_products = sdpa_kernel(SDPBackend.MATH)  # which the counter knows
    with torch.inference_mode(), plain_products, FlopCounterMode(display=False) as counted:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    expected = encoder_flop(np.full(5, 24), depth, *config_sizes(model.config))
    assert counted.get_total_flops() == expected + 2 * 5 * (32 * 32 + 32 * 2)


@pytest.mark.parametrize(("architecture", "left_out"), [("bert", True), ("mpnet", True), ("distilbert", False)])
def test_the_last_layer_of_a_packed_classifier_leaves_products_out(architecture, left_out):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = cut(tiny.model(architecture), 2, torch.float32, torch.device("cpu"))
    use_packed_attention(model, classify=True)
    lengths = np.array([24, 24])
    arguments = {
        "input_ids": torch.full((1, 48), 7),
        "position_ids": torch.arange(24).repeat(2)[None] + 2 * (architecture == "mpnet"),
        "cu_seqlens": torch.tensor([0, 24, 48], dtype=torch.int32),
        "max_seqlen": 24,
        "starts": torch.tensor([0, 24]),
    }
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        model(**arguments)
    sizes = config_sizes(model.config)
    assert layer_list(model)[-1].leaves_out == left_out
    expected = encoder_flop(lengths, 2, *sizes) - (unread_flop(lengths, *sizes) if left_out else 0)
    assert counted.get_total_flops() == expected + 2 * 2 * (32 * 32 + 32 * 2)
