"""Fused layers with single fusions switched off: what is apart is PyTorch's own, or a kernel that does it alone."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from trainables.model.architectures import layer_list
from trainables.model.fused import reference
from trainables.model.fused.layers import use_fused
from trainables.model.fused.operations import Operations, operations_of
from trainables.model.fused.rows import Norm, Quantised, Rows, Unfinished

Change = Callable[[Operations], Operations]


def variants(quantised: bool, tanh: bool) -> dict[str, Change]:
    """What is switched off, by name."""
    found: dict[str, Change] = {
        "q, k, v apart": lambda o: o,  # see `swapped`
        "layer norm apart": lambda o: replace(o, add_norm=_norm_apart(o), product_on_residual=False),
    }
    if quantised:
        return found | {
            "layer norm quantises apart": lambda o: replace(o, add_norm=_quantised_after(o)),
            "GELU quantises apart": lambda o: replace(o, quantised_gelu=_gelu_then_quantised(o)),
            "attention's output quantised by PyTorch": lambda o: replace(o, quantise=reference.quantise),
        }
    found["residual in the norm's kernel"] = lambda o: replace(o, product_on_residual=False)
    if tanh:
        return found | {"GELU in a kernel of its own": lambda o: replace(o, tanh_in_product=False)}
    return found | {
        "GELU in a kernel of its own": lambda o: replace(o, linear_gelu=None),
        "GELU by PyTorch": lambda o: replace(o, linear_gelu=None, gelu=_plain_gelu),
    }


def swapped(model: Any, tanh: bool, off: str = "") -> None:
    """`use_fused` with one of `variants` off; "": none."""
    operations = operations_of(model.device)
    quantised = any(not p.is_floating_point() or p.dtype.itemsize == 1 for p in layer_list(model)[0].buffers())
    if off:
        operations = variants(quantised, tanh)[off](operations)
    use_fused(model, tanh, operations)
    if off == "q, k, v apart":
        for layer in layer_list(model):
            layer.inward = Apart(layer.inward)


class Apart(nn.Module):
    """A product of three linear layers as three."""

    def __init__(self, product: Any) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_third(product, i) for i in range(3))

    def operand(self, x: torch.Tensor) -> Any:
        """As the product's."""
        part: Any = self.parts[0]
        return part.operand(x)

    def plain(self, x: Any) -> "Three":
        """In the place of a tensor that is cut in three."""
        parts: list[Any] = list(self.parts)
        return Three(part.plain(x) for part in parts)


class Three(list[torch.Tensor]):
    """Has a tensor's `chunk`."""

    def chunk(self, *_: Any, **__: Any) -> "Three":
        return self


def _third(product: Any, number: int) -> Any:
    part = copy.copy(product)
    part._buffers = {
        name: tensor.chunk(3, dim=1 if name == "scale" else 0)[number].contiguous()
        for name, tensor in product._buffers.items()
    }
    return part


def _norm_apart(operations: Operations) -> Any:
    def add_norm(product: Unfinished, residual: torch.Tensor | None, norm: Norm, operands: torch.dtype | None) -> Rows:
        x = product.values if product.token_scale is None else operations.finish(product, norm.weight.dtype)
        x = x if residual is None else x + residual
        y = functional.layer_norm(x, x.shape[1:], norm.weight, norm.bias, norm.eps)
        return Rows(y, y if operands is None else operations.quantise(y, operands))

    return add_norm


def _quantised_after(operations: Operations) -> Any:
    def add_norm(product: Unfinished, residual: torch.Tensor | None, norm: Norm, operands: torch.dtype) -> Rows:
        y = operations.add_norm(product, residual, norm, None).values
        return Rows(y, operations.quantise(y, operands))

    return add_norm


def _gelu_then_quantised(operations: Operations) -> Any:
    def quantised_gelu(product: Unfinished, tanh: bool, operands: torch.dtype) -> Quantised:
        return operations.quantise(operations.gelu(product, tanh, torch.bfloat16), operands)

    return quantised_gelu


def _plain_gelu(product: Unfinished, tanh: bool, dtype: torch.dtype) -> torch.Tensor:
    return functional.gelu(product.values, approximate="tanh" if tanh else "none").to(dtype)
