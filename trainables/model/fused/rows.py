"""What passes between two products of an encoder layer: (tokens, features), packed."""

from typing import NamedTuple

import torch


class Quantised(NamedTuple):
    """Operands of 8 bits: about values * scale."""

    values: torch.Tensor  # (tokens, features), int8 or float8_e4m3fn
    scale: torch.Tensor  # (tokens, 1), fp32


Operand = torch.Tensor | Quantised  # of a product, as the precision of its weights has it


class Rows(NamedTuple):
    """The hidden states: what is added to the next product but one, and what the next one multiplies."""

    values: torch.Tensor
    operand: Operand


class Unfinished(NamedTuple):
    """A product: values * token_scale * feature_scale + bias. What is None was done by the product itself."""

    values: torch.Tensor  # (tokens, features), int32 where integers were multiplied
    bias: torch.Tensor | None = None  # (features,)
    token_scale: torch.Tensor | None = None  # (tokens, 1), fp32
    feature_scale: torch.Tensor | None = None  # (1, features), fp32


class Norm(NamedTuple):
    """A layer norm: scale and shift, (features,) each, in the precision of the hidden states."""

    weight: torch.Tensor
    bias: torch.Tensor
    eps: float
