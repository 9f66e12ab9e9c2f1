"""The backends: all give the same outputs; each is a file that the registry names, and an unknown one is named."""

import shutil
import sys
from functools import partial
from types import ModuleType

import numpy as np
import pytest
import torch

from search_spaces.backends import BACKENDS, Backend
from search_spaces.errors import UsageError
from tests.make import models as tiny
from tests.make.passes import CPU, all_logits
from trainables import backends, batches
from trainables.backends.forward import forward_of, launched
from trainables.device import BackendError, set_precision
from trainables.model.architectures import layer_list
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.model.fused.layers import FusedLayer, use_fused
from trainables.model.fused.operations import REFERENCE

needs_compiler = pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11]


@pytest.mark.seconds
@needs_compiler
@pytest.mark.parametrize(
    ("padding", "precision"),
    [("max_length", "fp32"), ("longest", "fp32"), ("packed", "fp32"), ("packed", "bf16"), ("packed", "int8")],
)
def test_backends_agree(padding, precision, rng):
    inputs = tiny.inputs(LENGTHS[:8], rng)
    dtype = set_precision(precision)
    made = [cut(tiny.model(), 2, dtype, CPU) for _ in range(2)]
    eager = all_logits(made[0], inputs, padding)
    # Compiled, intermediate results are rounded to bf16 less often.
    atol = 2e-5 if precision == "fp32" else 0.05 * np.ptp(eager)
    np.testing.assert_allclose(all_logits(made[1], inputs, padding, "compile"), eager, atol=atol)


@pytest.mark.parametrize("backend", [b.name for b in BACKENDS.values() if not b.cpu])
def test_one_of_a_gpu_says_on_a_cpu_why_not(backend, rng):
    model = cut(tiny.model(), 1, torch.float32, CPU)
    with pytest.raises(BackendError, match=r"(CUDA graphs|fused layers) need a CUDA device"):
        all_logits(model, tiny.inputs(LENGTHS, rng), BACKENDS[backend].padding or "max_length", backend)


def test_one_of_packed_inputs_refuses_padded_batches(rng):
    inputs = tiny.inputs(LENGTHS, rng)
    staged = batches.stage(inputs, batches.plan(inputs.ids.lengths, 4, 16, "longest"), CPU)
    with pytest.raises(BackendError, match="fused layers take packed inputs, but the batches are padded; use padding"):
        backends.build("fused", cut(tiny.model(), 1, torch.float32, CPU), staged)


@pytest.mark.parametrize(("backend", "tanh"), [("fused", False), ("fused_tanh", True)])
def test_fused_layers_are_swapped_in_and_captured(backend, tanh, rng, monkeypatch):
    """As on a GPU, but for kernels and graphs."""
    from trainables.backends import fused

    inputs = tiny.inputs(LENGTHS, rng)
    expected = all_logits(cut(tiny.model(), 2, torch.float32, CPU), inputs, "packed", batch_size=16)
    planned = batches.plan(inputs.ids.lengths, 16, 16, "packed")
    staged = batches.stage(inputs, planned, CPU)
    model = cut(tiny.model(), 2, torch.float32, CPU)
    use_packed_attention(model, classify=True)
    with monkeypatch.context() as patched:
        patched.setattr(type(model), "device", torch.device("cuda", 0))
        patched.setattr(fused, "captured", lambda forward, staged, _: launched(forward, staged))
        patched.setattr(fused, "use_fused", partial(use_fused, operations=REFERENCE))
        run = backends.build(backend, model, staged)
    with torch.inference_mode():
        found = run(0).numpy()[: len(LENGTHS)]
    assert isinstance(layer_list(model)[0], FusedLayer)
    assert layer_list(model)[0].tanh == tanh
    np.testing.assert_allclose(found, expected[planned.batches[0]], atol=5e-3 if tanh else 2e-5)


@pytest.fixture
def negated():
    """A made-up backend in a module of its own: its outputs are those of eager with the other sign."""
    module = ModuleType("made_up_backend")

    def build(model, batches):
        run = launched(forward_of(model), batches)
        return lambda i: -run(i)

    module.build = build
    sys.modules[module.__name__] = module
    BACKENDS.add(Backend("negated", module.__name__))
    yield "negated"
    del BACKENDS["negated"], sys.modules[module.__name__]


def test_a_new_backend_is_its_file_and_its_entry(negated, rng):
    inputs = tiny.inputs(LENGTHS, rng)
    model = cut(tiny.model(), 2, torch.float32, CPU)
    np.testing.assert_array_equal(all_logits(model, inputs, "longest", negated), -all_logits(model, inputs, "longest"))


def test_one_that_is_not_entered_says_which_are(rng):
    inputs = tiny.inputs(LENGTHS, rng)
    staged = batches.stage(inputs, batches.plan(inputs.ids.lengths, 4, 16, "longest"), CPU)
    with pytest.raises(UsageError, match=r"a backend must be one of eager, cuda_graph, .*, but got 'negated'"):
        backends.build("negated", cut(tiny.model(), 1, torch.float32, CPU), staged)
