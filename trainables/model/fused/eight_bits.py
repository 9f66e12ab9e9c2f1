"""Kernels of 8-bit operands: quantise rows, finish a product of integers; and the steps that other kernels share.

Import it only where Triton is (it comes with CUDA builds of torch).
"""

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]

from trainables.model.fused.rows import Quantised, Unfinished
from trainables.model.quantized import TINY, largest

# Numbers of a row that one warp holds. A row of 768 is then one warp's: its sums pass between lanes by shuffles, with
# no shared memory and no barrier; 32 numbers a lane are four loads of 16 bytes of each input in flight. Rows of 384
# come in pairs, or half of that would be.
PER_WARP = 1024
LEAST_SCALE = tl.constexpr(TINY)
# fp32 numbers of this size are 1 apart: adding and subtracting it rounds to the nearest integer, ties to even, as
# torch.round does, without a function of CUDA's library, which the interpreter has not.
INTEGERS_BEGIN = tl.constexpr(1.5 * 2**23)


def tile(width: int) -> tuple[int, int, int]:
    """Of kernels whose programs see whole rows: rows of a program, its columns (a power of two), and warps."""
    columns = triton.next_power_of_2(width)
    return max(1, PER_WARP // columns), columns, max(1, min(16, columns // PER_WARP))


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def finished(  # type: ignore[no-untyped-def]
    values, at, real, row, real_row, column, real_column, bias, token_scale, feature_scale
):
    """A tile of an unfinished product, fp32. The last three may be None. Values are read once and then overwritten or
    dead; what belongs to columns is read by every program, and stays in the cache."""
    y = tl.load(values + at, mask=real, other=0).to(tl.float32)
    if token_scale is not None:
        y *= tl.load(token_scale + row, mask=real_row, other=0.0)
        y *= tl.load(feature_scale + column, mask=real_column, other=0.0, eviction_policy="evict_last")
    if bias is not None:
        y += tl.load(bias + column, mask=real_column, other=0.0, eviction_policy="evict_last").to(tl.float32)
    return y


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def scale_of(magnitude, LARGEST: tl.constexpr):  # type: ignore[no-untyped-def]
    """The scales of rows whose largest magnitudes are given."""
    return tl.maximum(magnitude / LARGEST, LEAST_SCALE)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def store_8_bits(out, at, real, y, scale, INTEGERS: tl.constexpr):  # type: ignore[no-untyped-def]
    """y / scale in the type of `out`: int8, or fp8, which saturates where rounding lifts a number above the largest."""
    q = y * (1.0 / scale)  # one division a row
    if INTEGERS:
        q = (q + INTEGERS_BEGIN) - INTEGERS_BEGIN
    tl.store(out + at, q.to(out.dtype.element_ty), mask=real)


@triton.jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator, unused-ignore]
def _quantise(  # type: ignore[no-untyped-def]
    x,
    out,
    scale,
    tokens,
    WIDTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    LARGEST: tl.constexpr,
    INTEGERS: tl.constexpr,
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, COLUMNS)[None, :]
    real = (row < tokens) & (column < WIDTH)
    at = row.to(tl.int64) * WIDTH + column
    y = tl.load(x + at, mask=real, other=0.0, eviction_policy="evict_first").to(tl.float32)
    scales = scale_of(tl.max(tl.abs(y), 1), LARGEST)[:, None]
    store_8_bits(out, at, real, y, scales, INTEGERS)
    tl.store(scale + row, scales, mask=row < tokens)


def quantise(x: torch.Tensor, operands: torch.dtype) -> Quantised:
    """`reference.quantise`; x is contiguous."""
    tokens, width = x.shape
    out = torch.empty_like(x, dtype=operands)
    scale = torch.empty(tokens, 1, dtype=torch.float32, device=x.device)
    rows, columns, warps = tile(width)
    _quantise[(triton.cdiv(tokens, rows),)](
        x,
        out,
        scale,
        tokens,
        WIDTH=width,
        ROWS=rows,
        COLUMNS=columns,
        LARGEST=largest(operands),
        INTEGERS=not operands.is_floating_point,
        num_warps=warps,
    )
    return Quantised(out, scale)


@triton.jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator, unused-ignore]
def _finish(  # type: ignore[no-untyped-def]
    values, bias, token_scale, feature_scale, out, tokens, WIDTH: tl.constexpr, COLUMNS: tl.constexpr
):
    row = tl.program_id(0)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    real = column < WIDTH
    at = row.to(tl.int64) * WIDTH + column
    y = finished(values, at, real, row, row < tokens, column, real, bias, token_scale, feature_scale)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=real)


def finish(product: Unfinished, dtype: torch.dtype) -> torch.Tensor:
    """`reference.finish`."""
    tokens, width = product.values.shape
    out = torch.empty_like(product.values, dtype=dtype)
    columns = min(PER_WARP, triton.next_power_of_2(width))
    _finish[(tokens, triton.cdiv(width, columns))](
        *product_pointers(product), out, tokens, WIDTH=width, COLUMNS=columns, num_warps=1
    )
    return out


def product_pointers(product: Unfinished) -> tuple[torch.Tensor | None, ...]:
    """What kernels are given of it, in their order."""
    return product.values, product.bias, product.token_scale, product.feature_scale
