"""Dynamic int8 and fp8: the linear layers of the encoder on 8-bit operands, everything else in bf16.

Weights are quantised once, from the fp32 master, with one scale per output channel; activations in every pass, with
one scale per token (the row's largest magnitude maps to the largest number of the format). The product is
accumulated in int32 (int8) or in the tensor core's accumulator (fp8, fast accumulation) and scaled back to bf16.

Ours rather than torchao's, which computes the same (0.18 tried, 2026-11): these few lines run on the kernels of
torch itself, and have neither its 28 MB nor the host's time that its tensor subclasses take in every eager call.
Quantising is made of plain elementwise operations and one maximum, so that torch.compile fuses it into the layer
norm or GELU before it; eager, each is a kernel of its own, and 8 bits rarely pay.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from search_spaces.precisions import PRECISIONS
from trainables.device import BackendError

if TYPE_CHECKING:
    from trainables.batches import Batch

# Of everything around the products. bf16 and not fp16: the fp8 kernel with a scale per row gives bf16 only, and a
# bf16 rounding (2^-9) is small beside an 8-bit one.
CARRIER = torch.bfloat16
TINY = 1e-12  # least scale: a token of zeros divides by it and stays zero


@dataclass(frozen=True)
class Kernel:
    """What the matrix product of one kind of 8-bit operands asks for."""

    capability: tuple[int, int]  # least CUDA compute capability
    multiple: int  # features in and out must divide by this
    least_rows: int = 1  # tokens per batch on CUDA
    cpu: bool = True  # fast on a CPU


INTEGERS = Kernel((8, 0), 8, least_rows=17)  # torch._int_mm; the bf16 around it needs Ampere
FLOATS = Kernel((8, 9), 16, cpu=False)  # torch._scaled_mm; fp8 tensor cores came with Ada


def kernel_of(dtype: torch.dtype) -> Kernel:
    """The kernel that multiplies operands of an 8-bit `dtype`."""
    return FLOATS if dtype.is_floating_point else INTEGERS


def name_of(dtype: torch.dtype) -> str:
    """The precision whose operands these are, as in a configuration."""
    names = [p.name for p in PRECISIONS.values() if f"torch.{p.dtype}" == str(dtype)]
    return names[0] if names else str(dtype)


def require_support(dtype: torch.dtype, device: torch.device) -> None:
    """`BackendError` where the device has no matrix product of these operands."""
    kernel = kernel_of(dtype)
    needs = f"compute capability {kernel.capability[0]}.{kernel.capability[1]}"
    if device.type == "cuda":
        have = torch.cuda.get_device_capability(device)
        if have < kernel.capability:
            raise BackendError(
                f"{name_of(dtype)} needs CUDA {needs}, but {torch.cuda.get_device_name(device)} has "
                f"{have[0]}.{have[1]}; use fp16"
            )
    elif not kernel.cpu:
        raise BackendError(
            f"{name_of(dtype)} needs a CUDA device of {needs}, but the model is on {device}; use int8 or bf16"
        )


def largest(dtype: torch.dtype) -> float:
    """The largest number of an 8-bit format. int8 is symmetric: -128 is left out."""
    return float((torch.finfo if dtype.is_floating_point else torch.iinfo)(dtype).max)


def quantize_rows(x: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows, features) -> the same in `dtype`, and the scale of each row, fp32 (rows, 1): x ~ quantised * scale."""
    x = x.float()
    scale = (x.abs().amax(dim=1, keepdim=True) / largest(dtype)).clamp(min=TINY)
    # The largest magnitude lands on the largest number but for one fp32 rounding, so nothing needs to be clamped.
    q = x / scale
    return (q if dtype.is_floating_point else q.round()).to(dtype), scale


class QuantizedLinear(nn.Module):
    """A linear layer of 8-bit operands: (..., in_features) in bf16 -> (..., out_features) in bf16."""

    weight: torch.Tensor  # (out, in)
    scale: torch.Tensor  # (1, out), fp32
    bias: torch.Tensor | None  # (out,), bf16

    def __init__(self, linear: nn.Linear, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        multiple = kernel_of(dtype).multiple
        if linear.in_features % multiple or linear.out_features % multiple:
            raise BackendError(
                f"{name_of(dtype)} needs layer sizes that are multiples of {multiple}, but got "
                f"{linear.in_features} x {linear.out_features}; use fp16"
            )
        self.dtype = dtype
        self.out_features = linear.out_features
        weight, scale = quantize_rows(linear.weight.detach().to(device), dtype)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale.reshape(1, -1))
        bias = None if linear.bias is None else linear.bias.detach().to(device, CARRIER)
        self.register_buffer("bias", bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, scale = quantize_rows(x.reshape(-1, x.shape[-1]), self.dtype)
        if self.dtype.is_floating_point:
            out = torch._scaled_mm(
                rows,
                self.weight.t(),
                scale_a=scale,
                scale_b=self.scale,
                bias=self.bias,
                out_dtype=CARRIER,
                use_fast_accum=True,
            )
        else:
            out = torch._int_mm(rows, self.weight.t()).float() * scale * self.scale
            if self.bias is not None:
                out = out + self.bias
            out = out.to(CARRIER)
        return out.reshape(*x.shape[:-1], self.out_features)


def linears(layers: Iterable[nn.Module]) -> list[tuple[nn.Module, str, Any]]:
    """Every linear layer within `layers`, quantised or not: its parent, its name there, and itself."""
    return [
        (parent, name, child)
        for layer in layers
        for parent in layer.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear | QuantizedLinear)
    ]


def product(a: torch.Tensor, b: torch.Tensor, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """The product (n, k) @ (m, k) transposed by the kernel of `dtype` alone: operands quantised beforehand, the result
    in memory that is there. `BackendError` where the device has no such product."""
    require_support(dtype, a.device)
    (a, scale_a), (b, scale_b) = (quantize_rows(x, dtype) for x in (a, b))
    memory = partial(torch.empty, a.shape[0], b.shape[0], device=a.device)
    if not dtype.is_floating_point:
        return partial(torch._int_mm, a, b.t(), out=memory(dtype=torch.int32))
    return partial(
        torch._scaled_mm,
        a,
        b.t(),
        scale_a=scale_a,
        scale_b=scale_b.reshape(1, -1),
        out_dtype=CARRIER,
        use_fast_accum=True,
        out=memory(dtype=CARRIER),
    )


def check_batches(model: nn.Module, batches: "list[Batch]") -> None:
    """`BackendError` where a batch has too few tokens for a kernel of the model; models without 8 bits pass."""
    dtypes = {m.dtype for m in model.modules() if isinstance(m, QuantizedLinear)}
    for dtype in sorted(dtypes, key=str):
        least = kernel_of(dtype).least_rows
        for batch in batches:
            # Packed, the last layer goes on with one token per sequence.
            rows = (batch.input_ids if batch.starts is None else batch.starts).numel()
            if batch.input_ids.is_cuda and rows < least:
                raise BackendError(
                    f"{name_of(dtype)} on CUDA needs at least {least} tokens per batch (packed: inputs), but a batch "
                    f"has {rows}; use a larger batch size or fp8"
                )
