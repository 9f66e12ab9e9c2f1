"""Bias, residual and layer norm in one kernel, which also quantises what it writes: `reference.add_norm`.

Apart they are three passes through memory, and two more to quantise. Here a row is read once and lies in registers
while its mean, its variance about that mean and its largest magnitude are found. Bound by memory: some ten operations
a number.

Import it only where Triton is (it comes with CUDA builds of torch).
"""

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]

from trainables.model.fused.eight_bits import finished, product_pointers, scale_of, store_8_bits, tile
from trainables.model.fused.rows import Norm, Quantised, Rows, Unfinished
from trainables.model.quantized import largest


@triton.jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator, unused-ignore]
def _add_norm(  # type: ignore[no-untyped-def]
    values,
    bias,
    token_scale,
    feature_scale,
    residual,
    weight,
    shift,
    out,
    out8,
    scale,
    tokens,
    eps,
    WIDTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    LARGEST: tl.constexpr,  # of the 8-bit type; 0 where there is none
    INTEGERS: tl.constexpr,
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, COLUMNS)[None, :]
    real_row, real_column = row < tokens, column < WIDTH
    real = real_row & real_column
    at = row.to(tl.int64) * WIDTH + column
    x = finished(values, at, real, row, real_row, column, real_column, bias, token_scale, feature_scale)
    if residual is not None:
        x += tl.load(residual + at, mask=real, other=0.0, eviction_policy="evict_first").to(tl.float32)
    mean = tl.sum(x, 1)[:, None] / WIDTH
    away = tl.where(real_column, x - mean, 0.0)
    variance = tl.sum(away * away, 1)[:, None] / WIDTH
    g = tl.load(weight + column, mask=real_column, other=0.0, eviction_policy="evict_last").to(tl.float32)
    b = tl.load(shift + column, mask=real_column, other=0.0, eviction_policy="evict_last").to(tl.float32)
    y = away * tl.rsqrt(variance + eps) * g + b
    tl.store(out + at, y.to(out.dtype.element_ty), mask=real)
    if LARGEST > 0:
        scales = scale_of(tl.max(tl.abs(y), 1), LARGEST)[:, None]
        store_8_bits(out8, at, real, y, scales, INTEGERS)
        tl.store(scale + row, scales, mask=real_row)


def add_norm(product: Unfinished, residual: torch.Tensor | None, norm: Norm, operands: torch.dtype | None) -> Rows:
    """`reference.add_norm`, in the memory of the product where that has the precision of the norm."""
    tokens, width = product.values.shape
    dtype, device = norm.weight.dtype, product.values.device
    # A program has read its rows before it writes them: the lines are in the cache, and no others are needed.
    out = product.values if product.values.dtype == dtype else torch.empty(tokens, width, dtype=dtype, device=device)
    out8 = scale = None
    if operands is not None:
        out8 = torch.empty(tokens, width, dtype=operands, device=device)
        scale = torch.empty(tokens, 1, dtype=torch.float32, device=device)
    rows, columns, warps = tile(width)
    _add_norm[(triton.cdiv(tokens, rows),)](
        *product_pointers(product),
        residual,
        norm.weight,
        norm.bias,
        out,
        out8,
        scale,
        tokens,
        norm.eps,
        WIDTH=width,
        ROWS=rows,
        COLUMNS=columns,
        LARGEST=0.0 if operands is None else largest(operands),
        INTEGERS=operands is not None and not operands.is_floating_point,
        num_warps=warps,
    )
    return Rows(out, out if out8 is None or scale is None else Quantised(out8, scale))
