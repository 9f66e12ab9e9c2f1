"""Switching a fusion off changes what runs, and not what is computed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.checks.fused import variants
from tests.make import models as tiny
from tests.make import passes
from trainables.model.architectures import layer_list
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.model.fused import reference
from trainables.model.fused.operations import REFERENCE

CPU = torch.device("cpu")


def quantise(x, operands):
    """As a kernel: another function than what takes its place."""
    return reference.quantise(x, operands)


KERNELS = replace(REFERENCE, linear_gelu=reference.linear_gelu, quantise=quantise)
EVERY = [
    (dtype, tanh, off)
    for dtype in (torch.bfloat16, torch.int8)
    for tanh in (False, True)
    for off in variants.variants(dtype == torch.int8, tanh)
]


@pytest.fixture
def logits(monkeypatch):
    monkeypatch.setattr(variants, "operations_of", lambda _: KERNELS)
    # It is switched to packed inputs before it is swapped: a second time would wrap the last layer.
    monkeypatch.setattr(passes, "use_packed_attention", lambda *_, **__: None)

    def of(dtype, tanh, off):
        model = cut(tiny.model(), 2, dtype, CPU)
        use_packed_attention(model, classify=True)
        variants.swapped(model, tanh, off)
        inputs = tiny.inputs([3, 16, 9, 1, 12, 7], np.random.default_rng(0))
        return passes.all_logits(model, inputs, "packed"), layer_list(model)[0]

    return of


@pytest.mark.parametrize(("dtype", "tanh", "off"), EVERY)
def test_a_step_apart_gives_the_same(dtype, tanh, off, logits):
    found, layer = logits(dtype, tanh, off)
    expected, together = logits(dtype, tanh, "")
    assert type(layer.inward) is variants.Apart or layer.inward.operations != together.inward.operations
    np.testing.assert_allclose(found, expected, atol=0.03 * np.ptp(expected))
