"""Bias and GELU in one kernel, which may quantise what it writes: `reference.gelu` and `reference.quantised_gelu`.

A program has a whole row, as the scale of 8-bit operands needs it. erf takes some 25 instructions a number, so that
padding a row of 3,072 to 4,096 columns would be a third more arithmetic and nearly bind it: a row is taken in two
pieces, 2,048 and 1,024.

Import it only where Triton is (it comes with CUDA builds of torch).
"""

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]

from trainables.model.fused.eight_bits import PER_WARP, finished, product_pointers, scale_of, store_8_bits
from trainables.model.fused.rows import Quantised, Unfinished
from trainables.model.quantized import largest


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def gelu_of(x, TANH: tl.constexpr):  # type: ignore[no-untyped-def]
    """GELU of fp32 numbers."""
    if TANH:
        # 0.5 x (1 + tanh(u)) = x sigmoid(2 u)
        y = x * tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))
    else:
        y = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    return y


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _gelu(  # type: ignore[no-untyped-def]
    values,
    bias,
    token_scale,
    feature_scale,
    out,
    scale,
    WIDTH: tl.constexpr,
    FIRST: tl.constexpr,  # columns of the first piece, all of them real
    REST: tl.constexpr,  # and of the second, 0 where there is none
    TANH: tl.constexpr,
    LARGEST: tl.constexpr,  # of the 8-bit type; 0: nothing is quantised
    INTEGERS: tl.constexpr,
):
    row = tl.program_id(0)
    begin = row.to(tl.int64) * WIDTH
    column = tl.arange(0, FIRST)
    real = column < WIDTH
    x = finished(values, begin + column, real, row, row >= 0, column, real, bias, token_scale, feature_scale)
    y = gelu_of(x, TANH)
    if LARGEST > 0:
        magnitude = tl.max(tl.abs(y), 0)
    if REST:
        column2 = FIRST + tl.arange(0, REST)
        real2 = column2 < WIDTH
        x2 = finished(values, begin + column2, real2, row, row >= 0, column2, real2, bias, token_scale, feature_scale)
        y2 = gelu_of(x2, TANH)
        if LARGEST > 0:
            magnitude = tl.maximum(magnitude, tl.max(tl.abs(y2), 0))
    if LARGEST > 0:
        s = scale_of(magnitude, LARGEST)
        tl.store(scale + row, s)
        store_8_bits(out, begin + column, real, y, s, INTEGERS)
        if REST:
            store_8_bits(out, begin + column2, real2, y2, s, INTEGERS)
    else:
        tl.store(out + begin + column, y.to(out.dtype.element_ty), mask=real)
        if REST:
            tl.store(out + begin + column2, y2.to(out.dtype.element_ty), mask=real2)


def gelu(product: Unfinished, tanh: bool, dtype: torch.dtype) -> torch.Tensor:
    """`reference.gelu`, in the memory of the product where that has the precision."""
    values = product.values
    out = values if values.dtype == dtype else torch.empty_like(values, dtype=dtype)
    _launch(product, tanh, out, None, None)
    return out


def quantised_gelu(product: Unfinished, tanh: bool, operands: torch.dtype) -> Quantised:
    """`reference.quantised_gelu`."""
    out = torch.empty_like(product.values, dtype=operands)
    scale = torch.empty(out.shape[0], 1, dtype=torch.float32, device=out.device)
    _launch(product, tanh, out, scale, operands)
    return Quantised(out, scale)


def _launch(
    product: Unfinished, tanh: bool, out: torch.Tensor, scale: torch.Tensor | None, operands: torch.dtype | None
) -> None:
    tokens, width = out.shape
    first = 1 << (width.bit_length() - 1)
    rest = triton.next_power_of_2(width - first) if width > first else 0
    _gelu[(tokens,)](
        *product_pointers(product),
        out,
        scale,
        WIDTH=width,
        FIRST=first,
        REST=rest,
        TANH=tanh,
        LARGEST=0.0 if operands is None else largest(operands),
        INTEGERS=operands is not None and not operands.is_floating_point,
        # 512 numbers a warp, 24 a lane with the second piece: erf keeps several registers for each.
        num_warps=max(1, min(16, 2 * first // PER_WARP)),
    )
