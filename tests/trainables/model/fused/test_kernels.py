"""The fused kernels against plain PyTorch in Triton's interpreter, where Triton is and a GPU is not.

On a GPU tests/test_on_gpu.py compares them there.

TRITON_INTERPRET=1 python -m pytest tests/trainables/model/fused/test_kernels.py     # after `pip install triton`
"""

import os
from importlib.util import find_spec

import pytest
import torch

if torch.cuda.is_available():
    pytest.skip("tests/test_on_gpu.py runs the kernels themselves", allow_module_level=True)
if not find_spec("triton"):
    pytest.skip("Triton is not installed: a CPU build of torch comes without it", allow_module_level=True)
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("Triton reads it when it is imported: set TRITON_INTERPRET=1", allow_module_level=True)

from tests.make import fused_kernels as kernels
from trainables.model.fused.linear_gelu import Tile

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")  # of a large negative number: it is 0
EIGHT_BITS = [torch.int8, torch.float8_e4m3fn]
DTYPES = [torch.float32, torch.float16, torch.bfloat16]
SMALL = Tile(tokens=32, features=32, depth=32, group=2)


@pytest.mark.parametrize("shape", kernels.SHAPES)
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_add_norm(shape, dtype, residual):
    kernels.check_add_norm(shape, dtype, None, residual, False, CPU)


@pytest.mark.parametrize("shape", kernels.SHAPES)
@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("operands", EIGHT_BITS)
def test_add_norm_that_quantises(shape, operands, integers):
    kernels.check_add_norm(shape, torch.bfloat16, operands, True, integers, CPU)


@pytest.mark.parametrize("shape", kernels.SHAPES)
@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gelu(shape, dtype, tanh):
    kernels.check_gelu(shape, dtype, tanh, None, False, CPU)


@pytest.mark.parametrize("shape", kernels.SHAPES)
@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("operands", EIGHT_BITS)
def test_gelu_that_quantises(shape, operands, integers, tanh):
    kernels.check_gelu(shape, torch.bfloat16, tanh, operands, integers, CPU)


@pytest.mark.parametrize("shape", kernels.SHAPES)
@pytest.mark.parametrize("operands", EIGHT_BITS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_quantise(shape, dtype, operands):
    kernels.check_quantise(shape, dtype, operands, CPU)


@pytest.mark.parametrize("shape", [(3, 2304), (2, 1152), (5, 80)])
def test_finish(shape):
    kernels.check_finish(shape, CPU)


@pytest.mark.parametrize("sizes", [(70, 64, 96), (1, 40, 72), (7, 768, 8), (130, 96, 64), (33, 64, 32)])
def test_linear_gelu(sizes):
    """Whole tiles and parts of them, in every direction; in fp16, as the interpreter multiplies no bf16."""
    kernels.check_linear_gelu(*sizes, torch.float16, SMALL, CPU)


def test_linear_gelu_in_its_own_tiles():
    kernels.check_linear_gelu(300, 128, 320, torch.float16, None, CPU)
