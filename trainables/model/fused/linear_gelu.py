"""A linear layer with GELU (by erf) in its epilogue: `reference.linear_gelu`, in half precision.

cuBLASLt has an epilogue with the tanh form alone, and a kernel of its own for erf moves the largest tensor of a layer,
(tokens, 3,072), twice through memory: 14 % of a pass (EXPERIMENTS.md, 2026-11-27). Here GELU is applied to the sums,
in fp32, before they are rounded and written.

Tiles of 128 x 128 on four warps, so that two programs fit on a multiprocessor: while one computes its erfs (CUDA cores)
the other multiplies (tensor cores). Larger tiles reuse more, but leave the tensor cores idle meanwhile.

Import it only where Triton is (it comes with CUDA builds of torch).
"""

from typing import NamedTuple

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]

from trainables.model.fused.gelu import gelu_of


class Tile(NamedTuple):
    """Tokens and features of a program, what it multiplies at a time, and how that is spread."""

    tokens: int = 128
    features: int = 128
    depth: int = 64  # 128 bytes, a line
    warps: int = 4
    stages: int = 3  # steps whose operands are on their way: 3 x 32 KiB of 227, for each of two programs
    group: int = 8  # tiles of tokens whose programs run next to each other, and share weights in the cache


TILE = Tile()


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
    row_tiles = tl.cdiv(tokens, TOKENS)
    program = tl.program_id(0)
    first = program // (GROUP * column_tiles) * GROUP
    height = tl.minimum(row_tiles - first, GROUP)
    within = program % (GROUP * column_tiles)
    row = (first + within % height) * TOKENS + tl.arange(0, TOKENS)
    column = within // height * FEATURES + tl.arange(0, FEATURES)
    # Beyond the end the first ones are read again, and not written: no mask in the loop.
    x_at = (row % tokens).to(tl.int64)[:, None] * IN
    weight_at = (column % OUT)[None, :] * IN
    sums = tl.zeros((TOKENS, FEATURES), tl.float32)
    for begin in range(0, IN, DEPTH):
        k = begin + tl.arange(0, DEPTH)
        if IN % DEPTH == 0:
            a = tl.load(x + x_at + k[None, :])
            b = tl.load(weight + weight_at + k[:, None])
        else:
            a = tl.load(x + x_at + k[None, :], mask=k[None, :] < IN, other=0.0)
            b = tl.load(weight + weight_at + k[:, None], mask=k[:, None] < IN, other=0.0)
        sums = tl.dot(a, b, sums)
    sums += tl.load(bias + column, mask=column < OUT, other=0.0).to(tl.float32)[None, :]
    y = gelu_of(sums, False).to(out.dtype.element_ty)
    at = row.to(tl.int64)[:, None] * OUT + column[None, :]
    tl.store(out + at, y, mask=(row < tokens)[:, None] & (column < OUT)[None, :])


def linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, tile: Tile | None = None) -> torch.Tensor:
    """`reference.linear_gelu`; x and weight are contiguous."""
    tile = tile or TILE
    (tokens, within), features = x.shape, weight.shape[0]
    out = torch.empty(tokens, features, dtype=x.dtype, device=x.device)
    _linear_gelu[(triton.cdiv(tokens, tile.tokens) * triton.cdiv(features, tile.features),)](
        x,
        weight,
        bias,
        out,
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
