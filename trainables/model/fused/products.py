"""The products of a fused layer, each with what follows it: in the model's precision, or on operands of 8 bits.

They are the libraries' (cuBLAS), as those of `trainables.model.quantized` are, but for one (`linear_gelu.py`). Results
are rounded as rarely as that allows: a residual is added to the product's fp32 sums, and int32 sums are scaled where
they are read.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from trainables.model.fused.operations import Operations
from trainables.model.fused.rows import Norm, Operand, Quantised, Rows, Unfinished
from trainables.model.quantized import CARRIER, QuantizedLinear

HALF = (torch.float16, torch.bfloat16)


class Product(nn.Module):
    """A linear layer in the model's precision, or several that read the same rows as one."""

    weight: torch.Tensor  # (out, in)
    bias: torch.Tensor  # (out,)

    def __init__(self, linears: Sequence[nn.Module], operations: Operations) -> None:
        super().__init__()
        self.operations = operations
        self.register_buffer("weight", joined([cast(torch.Tensor, linear.weight).detach() for linear in linears]))
        self.register_buffer("bias", joined([cast(torch.Tensor, linear.bias).detach() for linear in linears]))

    def operand(self, x: torch.Tensor) -> Operand:
        """Contiguous (tokens, in) as the product takes it."""
        return x

    def plain(self, x: Any) -> torch.Tensor:
        """(tokens, out)."""
        return torch.addmm(self.bias, x, self.weight.t())

    def normed(self, x: Any, residual: torch.Tensor, norm: Norm) -> Rows:
        """The layer norm of the product and `residual`, which is overwritten."""
        if self.operations.product_on_residual:
            # cuBLAS reads the residual for its epilogue: one tensor less to write, and to read again.
            return self.operations.add_norm(
                Unfinished(residual.addmm_(x, self.weight.t()), self.bias), None, norm, None
            )
        return self.operations.add_norm(Unfinished(self.plain(x)), residual, norm, None)

    def gelu(self, x: Any, tanh: bool) -> Operand:
        """GELU of the product, as the next one takes it."""
        if tanh and self.operations.tanh_in_product and x.is_cuda and x.dtype in HALF:
            return torch._addmm_activation(self.bias, x, self.weight.t(), use_gelu=True)
        if not tanh and self.operations.linear_gelu is not None and x.dtype in HALF:
            return self.operations.linear_gelu(x, self.weight, self.bias)
        return self.operations.gelu(Unfinished(self.plain(x)), tanh, x.dtype)


class QuantisedProduct(nn.Module):
    """The same of `QuantizedLinear`s."""

    weight: torch.Tensor  # (out, in), 8 bits
    scale: torch.Tensor  # (1, out), fp32
    bias: torch.Tensor  # (out,)

    def __init__(self, linears: Sequence[QuantizedLinear], operations: Operations) -> None:
        super().__init__()
        self.operations, self.dtype = operations, linears[0].dtype
        # As bytes: not every device concatenates every 8-bit type.
        weight = joined([linear.weight.view(torch.uint8) for linear in linears]).view(self.dtype)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", joined([linear.scale.flatten() for linear in linears])[None])
        self.register_buffer("bias", joined([cast(torch.Tensor, linear.bias) for linear in linears]))

    def operand(self, x: torch.Tensor) -> Operand:
        """Contiguous (tokens, in) as the product takes it."""
        return self.operations.quantise(x, self.dtype)

    def plain(self, x: Any) -> torch.Tensor:
        """(tokens, out)."""
        product = self._unfinished(x)
        return product.values if product.token_scale is None else self.operations.finish(product, CARRIER)

    def normed(self, x: Any, residual: torch.Tensor, norm: Norm) -> Rows:
        """The layer norm of the product and `residual`."""
        return self.operations.add_norm(self._unfinished(x), residual, norm, self.dtype)

    def gelu(self, x: Any, tanh: bool) -> Operand:
        """GELU of the product, as the next one takes it."""
        return self.operations.quantised_gelu(self._unfinished(x), tanh, self.dtype)

    def _unfinished(self, x: Quantised) -> Unfinished:
        if not self.dtype.is_floating_point:
            return Unfinished(torch._int_mm(x.values, self.weight.t()), self.bias, x.scale, self.scale)
        product = torch._scaled_mm(
            x.values,
            self.weight.t(),
            scale_a=x.scale,
            scale_b=self.scale,
            bias=self.bias,
            out_dtype=CARRIER,
            use_fast_accum=True,
        )
        return Unfinished(product)


def product_of(linears: Sequence[Any], operations: Operations) -> Product | QuantisedProduct:
    """The product of linear layers that read the same rows, quantised or not; their outputs follow each other."""
    kind: Any = QuantisedProduct if isinstance(linears[0], QuantizedLinear) else Product
    made: Product | QuantisedProduct = kind(linears, operations)
    return made


def joined(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """One after the other; a single one as it is, in its own memory."""
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))
