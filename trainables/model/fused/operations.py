"""What a fused layer is made of between its products: the kernels on a GPU, plain PyTorch elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from trainables.model.fused import reference
from trainables.model.fused.rows import Norm, Quantised, Rows, Unfinished


@dataclass(frozen=True)
class Operations:
    """Functions as `reference` has them. `linear_gelu` is of half precision alone: None where it is apart."""

    finish: Callable[[Unfinished, torch.dtype], torch.Tensor]
    quantise: Callable[[torch.Tensor, torch.dtype], Quantised]
    add_norm: Callable[[Unfinished, torch.Tensor | None, Norm, torch.dtype | None], Rows]
    gelu: Callable[[Unfinished, bool, torch.dtype], torch.Tensor]
    quantised_gelu: Callable[[Unfinished, bool, torch.dtype], Quantised]
    linear_gelu: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor] | None = None
    product_on_residual: bool = True  # a product is added to what it is added to as it is written, not by `add_norm`
    tanh_in_product: bool = True  # GELU's tanh form is the product's own, in half precision


REFERENCE = Operations(
    reference.finish, reference.quantise, reference.add_norm, reference.gelu, reference.quantised_gelu
)


def operations_of(device: torch.device) -> Operations:
    """The kernels on a CUDA device, the reference elsewhere."""
    if device.type != "cuda":
        return REFERENCE
    from trainables.model.fused import add_norm, eight_bits, gelu, linear_gelu

    return Operations(
        eight_bits.finish,
        eight_bits.quantise,
        add_norm.add_norm,
        gelu.gelu,
        gelu.quantised_gelu,
        linear_gelu.linear_gelu,
    )
