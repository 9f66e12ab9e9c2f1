"""Compiled programs: an equal one is taken over."""

import gc
import shutil
import weakref

import numpy as np
import pytest
import torch

from tests.make import models as tiny
from tests.make.passes import CPU, all_logits
from trainables.model.cut import cut

LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16]


@pytest.mark.seconds
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
@pytest.mark.parametrize("padding", ["max_length", "packed"])
def test_an_equal_program_is_taken_over_and_any_other_is_compiled_afresh(padding, rng):
    """Weights are inputs of a compiled program: other weights take it over, another depth does not."""
    from torch._dynamo.utils import counters

    inputs = tiny.inputs(LENGTHS, rng)
    resets = []

    def compiled(seed, depth):
        model = cut(tiny.model(seed=seed), depth, torch.float32, CPU)
        eager = all_logits(cut(tiny.model(seed=seed), depth, torch.float32, CPU), inputs, padding)
        np.testing.assert_allclose(all_logits(model, inputs, padding, "compile"), eager, atol=2e-5)
        resets.append(counters["stats"]["unique_graphs"])
        return weakref.ref(model)

    dropped = compiled(seed=0, depth=1)
    compiled(seed=1, depth=1)
    assert resets[1] == resets[0]
    gc.collect()
    assert dropped() is None  # a program must not keep the weights of an earlier trial
    compiled(seed=1, depth=2)
    assert resets[2] == resets[1] + 1
