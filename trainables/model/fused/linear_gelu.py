"""A linear layer with GELU (by erf) in its epilogue: `reference.linear_gelu`, in half precision.

cuBLASLt has an epilogue with the tanh form alone, and a kernel of its own for erf moves the largest tensor of a layer,
(tokens, 3,072), twice through memory: 14 % of a pass (EXPERIMENTS.md, 2026-11-27). Here GELU is applied to the sums,
in fp32, before they are rounded and written.

Tiles of 128 x 128 on two groups of four warps: 100 registers a thread and 96 KiB of operands on their way, so that two
programs fit on a multiprocessor of an H100. While one computes its erfs (CUDA cores) the other multiplies (tensor
cores); tiles of 128 x 256 reuse more, but leave the tensor cores idle meanwhile, and spill. Operands come by tensor
descriptors (TMA there), which take no registers for addresses.

Import it only where Triton is (it comes with CUDA builds of torch).
"""

from typing import NamedTuple

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]
from triton.tools.tensor_descriptor import TensorDescriptor  # type: ignore[import-not-found, unused-ignore]

from trainables.model.fused.gelu import gelu_of


class Tile(NamedTuple):
    """Tokens and features of a program, what it multiplies at a time, and how that is spread."""

    tokens: int = 128
    features: int = 128
    depth: int = 64  # 128 bytes, the widest that TMA lays out without conflicts
    warps: int = 8
    stages: int = 3  # steps whose operands are on their way, 32 KiB each
    group: int = 8  # tiles of tokens whose programs run next to each other, and share weights in the cache


TILE = Tile()
MULTIPLE = 8  # features in and out must divide by this: a row begins at a multiple of 16 bytes


@triton.jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator, unused-ignore]
def _linear_gelu(  # type: ignore[no-untyped-def]
    x,
    weight,
    bias,
    out,
    tokens,
    IN: tl.constexpr,
    OUT: tl.constexpr,
    TOKENS: tl.constexpr,
    FEATURES: tl.constexpr,
    DEPTH: tl.constexpr,
    GROUP: tl.constexpr,
):
    # Programs in groups: GROUP tiles of tokens for the first tile of features, then for the next.
    column_tiles: tl.constexpr = (OUT + FEATURES - 1) // FEATURES
    program = tl.program_id(0)
    first = program // (GROUP * column_tiles) * GROUP
    height = tl.minimum(tl.cdiv(tokens, TOKENS) - first, GROUP)
    within = program % (GROUP * column_tiles)
    row = (first + within % height) * TOKENS
    column = within // height * FEATURES
    sums = tl.zeros((TOKENS, FEATURES), tl.float32)
    for k in range(0, IN, DEPTH):  # what lies beyond a tensor's end is read as zeros, and not written
        sums = tl.dot(x.load([row, k]), weight.load([column, k]).T, sums)
    columns = column + tl.arange(0, FEATURES)
    sums += tl.load(bias + columns, mask=columns < OUT, other=0.0).to(tl.float32)[None, :]
    out.store([row, column], gelu_of(sums, False).to(out.dtype))


def linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, tile: Tile | None = None) -> torch.Tensor:
    """`reference.linear_gelu`; x and weight are contiguous, and their features divide by MULTIPLE."""
    tile = tile or TILE
    (tokens, within), features = x.shape, weight.shape[0]
    out = torch.empty(tokens, features, dtype=x.dtype, device=x.device)
    _linear_gelu[(triton.cdiv(tokens, tile.tokens) * triton.cdiv(features, tile.features),)](
        TensorDescriptor.from_tensor(x, [tile.tokens, tile.depth]),
        TensorDescriptor.from_tensor(weight, [tile.features, tile.depth]),
        bias,
        TensorDescriptor.from_tensor(out, [tile.tokens, tile.features]),
        tokens,
        IN=within,
        OUT=features,
        TOKENS=tile.tokens,
        FEATURES=tile.features,
        DEPTH=tile.depth,
        GROUP=tile.group,
        num_warps=tile.warps,
        num_stages=tile.stages,
    )
    return out
