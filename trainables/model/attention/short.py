"""Attention over packed short sequences, as a Triton kernel: one program per sequence, head and 32 queries.

Flash attention works in tiles of 128 queries by 128 keys. A sentence of 25 tokens fills a twentieth of one, and the
rest is computed and thrown away; tiles of 32 fit it. Sequences of more than SHORT tokens fill one, and
are flash attention's business, unless scores have a bias by relative position, which that cannot add: those come here,
too, in larger tiles. A bias is read from a table that is small enough for the cache.

Numbers as there: products accumulate in fp32, softmax in fp32, its weights are rounded to the type of the values.
Import it only where Triton is (it comes with CUDA builds of torch).
"""

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]

from trainables.model.attention import REACH, SHORT

TILE, LONG_TILE = 32, 64  # queries, and keys, per step: of short sequences, and of those with more than SHORT tokens
WARPS, LONG_WARPS = 2, 4
HEAD_DIMS = (16, 32, 64, 128)  # powers of two: the kernel takes a head in one piece


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _attend(  # type: ignore[no-untyped-def]
    query,
    key,
    value,
    out,
    boundaries,
    table,
    query_stride,
    key_stride,
    value_stride,
    out_stride,
    scale,
    TILE: tl.constexpr,
    HEAD: tl.constexpr,
    REACH: tl.constexpr,  # of the table of biases; 0 where there is none
):
    sequence, head, tile = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    begin = tl.load(boundaries + sequence)
    length = tl.load(boundaries + sequence + 1) - begin
    if tile * TILE >= length:
        return
    in_fp32 = tl.cast(scale, tl.float32)  # under torch.compile a Python float comes in as fp64
    dims = head * HEAD + tl.arange(0, HEAD)[None, :]
    rows = tile * TILE + tl.arange(0, TILE)[:, None]
    q = tl.load(query + (begin + rows) * query_stride + dims, mask=rows < length, other=0.0)
    largest = tl.full((TILE,), float("-inf"), tl.float32)
    total = tl.zeros((TILE,), tl.float32)
    sums = tl.zeros((TILE, HEAD), tl.float32)
    for first in range(0, length, TILE):
        columns = first + tl.arange(0, TILE)[:, None]
        real = columns < length
        k = tl.load(key + (begin + columns) * key_stride + dims, mask=real, other=0.0)
        v = tl.load(value + (begin + columns) * value_stride + dims, mask=real, other=0.0)
        seen = first + tl.arange(0, TILE)[None, :] < length
        scores = tl.dot(q, tl.trans(k)) * in_fp32
        if REACH:
            distance = first + tl.arange(0, TILE)[None, :] - rows
            column = tl.minimum(tl.maximum(distance, -REACH), REACH) + REACH
            scores += tl.load(table + head * (2 * REACH + 1) + column).to(tl.float32) * 1.4426950408889634
        scores = tl.where(seen, scores, float("-inf"))
        above = tl.maximum(largest, tl.max(scores, 1))
        weights = tl.exp2(scores - above[:, None])
        shrink = tl.exp2(largest - above)
        total = total * shrink + tl.sum(weights, 1)
        sums = sums * shrink[:, None] + tl.dot(weights.to(v.dtype), v)
        largest = above
    sums = sums / total[:, None]
    tl.store(out + (begin + rows) * out_stride + dims, sums.to(q.dtype), mask=rows < length)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    boundaries: torch.Tensor,
    longest: int,
    heads: int,
    scale: float,
    table: torch.Tensor | None = None,
) -> torch.Tensor:
    """(tokens, heads x head_dim) each, sequences between `boundaries` (int32), none of more than `longest` tokens.

    `table`: (heads, 2 REACH + 1), contiguous: the bias of a score at each distance of the key from the query.
    """
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    tile, warps = (TILE, WARPS) if longest <= SHORT else (LONG_TILE, LONG_WARPS)
    grid = (boundaries.shape[0] - 1, heads, triton.cdiv(longest, tile))
    _attend[grid](
        query,
        key,
        value,
        out,
        boundaries,
        query if table is None else table,
        query.stride(0),
        key.stride(0),
        value.stride(0),
        out.stride(0),
        scale * 1.4426950408889634,  # log2(e): the kernel exponentiates to base 2
        TILE=tile,
        HEAD=query.shape[1] // heads,
        REACH=0 if table is None else REACH,
        num_warps=warps,
    )
    return out
