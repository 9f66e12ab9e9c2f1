"""What the kernels compute, in plain PyTorch: their tests compare with it, and a CPU runs it.

All arithmetic is in fp32, rounded once at the end.
"""

import torch
from torch.nn import functional

from trainables.model.fused.rows import Norm, Quantised, Rows, Unfinished
from trainables.model.quantized import quantize_rows


def finished(product: Unfinished) -> torch.Tensor:
    """The product itself, fp32."""
    y = product.values.float()
    if product.token_scale is not None and product.feature_scale is not None:
        y = y * product.token_scale * product.feature_scale
    return y if product.bias is None else y + product.bias.float()


def finish(product: Unfinished, dtype: torch.dtype) -> torch.Tensor:
    """The product itself."""
    return finished(product).to(dtype)


def quantise(x: torch.Tensor, operands: torch.dtype) -> Quantised:
    """Each row on 8 bits, with a scale of its own."""
    return Quantised(*quantize_rows(x, operands))


def add_norm(product: Unfinished, residual: torch.Tensor | None, norm: Norm, operands: torch.dtype | None) -> Rows:
    """The layer norm of a product and what it is added to; also on 8 bits where `operands` says on which.

    Without a `residual` the product was added to it already. The values of a product may be overwritten."""
    x = finished(product)
    if residual is not None:
        x = x + residual.float()
    y = functional.layer_norm(x, x.shape[1:], norm.weight.float(), norm.bias.float(), norm.eps)
    values = y.to(norm.weight.dtype)
    return Rows(values, values if operands is None else quantise(y, operands))


def gelu(product: Unfinished, tanh: bool, dtype: torch.dtype) -> torch.Tensor:
    """GELU of a product, by erf or by its `tanh` form."""
    return _gelu(finished(product), tanh).to(dtype)


def quantised_gelu(product: Unfinished, tanh: bool, operands: torch.dtype) -> Quantised:
    """The same on 8 bits alone."""
    return quantise(_gelu(finished(product), tanh), operands)


def linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """GELU (by erf) of a linear layer: (tokens, in) and (out, in) -> (tokens, out)."""
    return _gelu((x.float() @ weight.float().t()) + bias.float(), False).to(x.dtype)


def _gelu(x: torch.Tensor, tanh: bool) -> torch.Tensor:
    return functional.gelu(x, approximate="tanh" if tanh else "none")
