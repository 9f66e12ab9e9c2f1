"""The fused kernels compile for a GPU that is not there (Hopper, sm_90), as their functions launch them, and read 16
bytes at a time. The interpreter runs much that the compiler refuses.

python -m pytest tests/trainables/model/fused/test_compiles.py     # after `pip install triton`; no TRITON_INTERPRET
"""

import os
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

if not find_spec("triton"):
    pytest.skip("Triton is not installed: a CPU build of torch comes without it", allow_module_level=True)
if torch.cuda.is_available():
    pytest.skip("tests/test_fused_on_gpu.py compiles for the card that is there", allow_module_level=True)
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("Triton interprets, and compiles nothing", allow_module_level=True)

from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from tests.make.fused_kernels import case
from trainables.model.attention import short
from trainables.model.fused import add_norm, eight_bits, gelu, linear_gelu

CPU = torch.device("cpu")
HALF = [torch.float16, torch.bfloat16]
EIGHT_BITS = [torch.int8, torch.float8_e4m3fn]
WIDTHS = [768, 384, 1024, 80]


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """What launches compile, instead of launching it."""
    made = []
    active = SimpleNamespace(
        get_current_device=lambda: 0,
        get_current_stream=lambda _: 0,
        get_current_target=lambda: GPUTarget("cuda", 90, 32),
    )
    run = JITFunction.run

    def compile_only(self, *args, grid, warmup, **settings):
        made.append(run(self, *args, grid=grid, warmup=True, **settings))

    monkeypatch.setattr(driver, "_active", active)
    monkeypatch.setattr(JITFunction, "run", compile_only)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    return made


def check(compiled, vectors=True):
    (kernel,) = compiled
    ptx = kernel.asm["ptx"]
    assert ".target sm_90" in ptx
    assert not vectors or ("ld.global" in ptx and ".v4.b32" in ptx)
    assert "ld.global.b16" not in ptx or not vectors
    return ptx


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("dtype", HALF)
def test_add_norm(width, residual, dtype, compiled):
    made = case(40, width, dtype, CPU)
    add_norm.add_norm(made["product"], made["residual"] if residual else None, made["norm"], None)
    check(compiled)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("operands", EIGHT_BITS)
def test_add_norm_that_quantises(width, integers, operands, compiled):
    made = case(40, width, torch.bfloat16, CPU, integers)
    add_norm.add_norm(made["product"], made["residual"], made["norm"], operands)
    assert ("cvt.rn.satfinite.e4m3x2.f32" in check(compiled)) == operands.is_floating_point


@pytest.mark.parametrize("width", [3072, 1536, 4096])
@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("operands", [None, *EIGHT_BITS])
def test_gelu(width, operands, integers, tanh, compiled):
    product = case(40, width, torch.bfloat16, CPU, integers)["product"]
    if operands is None:
        gelu.gelu(product, tanh, torch.bfloat16)
    else:
        gelu.quantised_gelu(product, tanh, operands)
    check(compiled)


@pytest.mark.parametrize("operands", EIGHT_BITS)
def test_quantise(operands, compiled):
    eight_bits.quantise(torch.zeros(40, 768, dtype=torch.bfloat16), operands)
    check(compiled)


def test_finish(compiled):
    eight_bits.finish(case(40, 2304, torch.bfloat16, CPU, integers=True)["product"], torch.bfloat16)
    check(compiled)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize(("within", "features"), [(768, 3072), (384, 1536), (1024, 4096)])
def test_linear_gelu(within, features, dtype, compiled):
    x, weight = torch.zeros(40, within, dtype=dtype), torch.zeros(features, within, dtype=dtype)
    linear_gelu.linear_gelu(x, weight, torch.zeros(features, dtype=dtype))
    ptx = check(compiled, vectors=False)
    assert "wgmma.mma_async.sync.aligned.m64n128k16" in ptx
    assert "cp.async.bulk.tensor.2d.shared" in ptx
    assert compiled[0].metadata.shared * 2 <= 227 * 1024, "two programs on a multiprocessor"


@pytest.mark.parametrize(("hidden", "heads"), [(768, 12), (384, 12)])
@pytest.mark.parametrize("dtype", HALF)
def test_attention_reads_queries_keys_and_values_as_they_lie_in_one_product(hidden, heads, dtype, compiled):
    q, k, v = torch.zeros(40, 3 * hidden, dtype=dtype).chunk(3, dim=1)
    short.attend(q, k, v, torch.tensor([0, 40], dtype=torch.int32), 40, heads, 0.125)
    assert "cp.async.cg.shared.global" in check(compiled)
