"""Dynamic int8 and fp8: the linear layers of the encoder on 8-bit operands, everything else in bf16.

Weights are quantised once, from the fp32 master, with one scale per output channel; activations in every pass, with
one scale per token (the row's largest magnitude maps to the largest number of the format). The product is
accumulated in int32 (int8) or in the tensor core's accumulator (fp8, fast accumulation) and scaled back to bf16.

Ours rather than torchao's, which computes the same (0.18 tried, 2026-11): these few lines run on the kernels of
torch itself, and have neither its 28 MB nor the host's time that its tensor subclasses take in every eager call.
Quantising is made of plain elementwise operations and one maximum, so that torch.compile fuses it into the layer
norm or GELU before it; eager, each is a kernel of its own, and 8 bits rarely pay.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

from trainables.device import BackendError

if TYPE_CHECKING:
    from trainables.batches import Batch

# dtype of the operands -> its largest number. int8 is symmetric: -128 is left out.
LARGEST = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}
NAMES = {torch.int8: "int8", torch.float8_e4m3fn: "fp8"}
# Of everything around the products. bf16 and not fp16: the fp8 kernel with a scale per row gives bf16 only, and a
# bf16 rounding (2^-9) is small beside an 8-bit one.
CARRIER = torch.bfloat16
# Least CUDA compute capability: fp8 tensor cores came with Ada (8.9), bf16 ones with Ampere (8.0).
CAPABILITY = {torch.int8: (8, 0), torch.float8_e4m3fn: (8, 9)}
MULTIPLE = {torch.int8: 8, torch.float8_e4m3fn: 16}  # features in and out must divide by this
INT8_LEAST_ROWS = 17  # tokens per batch; torch._int_mm on CUDA wants more than 16
TINY = 1e-12  # least scale: a token of zeros divides by it and stays zero


def require_support(dtype: torch.dtype, device: torch.device) -> None:
    """`BackendError` where the device has no matrix product of these operands."""
    name = NAMES[dtype]
    if device.type == "cuda":
        have = torch.cuda.get_device_capability(device)
        least = CAPABILITY[dtype]
        if have < least:
            raise BackendError(
                f"{name} needs CUDA compute capability {least[0]}.{least[1]}, but {torch.cuda.get_device_name(device)}"
                f" has {have[0]}.{have[1]}; use fp16"
            )
    elif dtype == torch.float8_e4m3fn:
        raise BackendError(
            f"fp8 needs a CUDA device of compute capability 8.9, but the model is on {device}; use int8 or bf16"
        )


def quantize_rows(x: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows, features) -> the same in `dtype`, and the scale of each row, fp32 (rows, 1): x ~ quantised * scale."""
    x = x.float()
    scale = (x.abs().amax(dim=1, keepdim=True) / LARGEST[dtype]).clamp(min=TINY)
    # The largest magnitude lands on LARGEST but for one fp32 rounding, so nothing needs to be clamped.
    q = x / scale
    return (q.round() if dtype == torch.int8 else q).to(dtype), scale


class QuantizedLinear(nn.Module):
    """A linear layer of 8-bit operands: (..., in_features) in bf16 -> (..., out_features) in bf16."""

    weight: torch.Tensor  # (out, in)
    scale: torch.Tensor  # (1, out), fp32
    bias: torch.Tensor | None  # (out,), bf16

    def __init__(self, linear: nn.Linear, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        multiple = MULTIPLE[dtype]
        if linear.in_features % multiple or linear.out_features % multiple:
            raise BackendError(
                f"{NAMES[dtype]} needs layer sizes that are multiples of {multiple}, but got "
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
        if self.dtype == torch.int8:
            out = torch._int_mm(rows, self.weight.t()).float() * scale * self.scale
            if self.bias is not None:
                out = out + self.bias
            out = out.to(CARRIER)
        else:
            out = torch._scaled_mm(
                rows,
                self.weight.t(),
                scale_a=scale,
                scale_b=self.scale,
                bias=self.bias,
                out_dtype=CARRIER,
                use_fast_accum=True,
            )
        return out.reshape(*x.shape[:-1], self.out_features)


def linears(layers: Iterable[nn.Module]) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Every linear layer within `layers`: its parent, its name there, and itself."""
    return [
        (parent, name, child)
        for layer in layers
        for parent in layer.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear)
    ]


def check_batches(model: nn.Module, batches: "list[Batch]") -> None:
    """`BackendError` where a batch has too few tokens for the int8 kernel; models without int8 pass."""
    int8 = any(isinstance(m, QuantizedLinear) and m.dtype == torch.int8 for m in model.modules())
    for batch in batches if int8 else ():
        # Packed, the last layer goes on with one token per sequence.
        rows = (batch.input_ids if batch.starts is None else batch.starts).numel()
        if batch.input_ids.is_cuda and rows < INT8_LEAST_ROWS:
            raise BackendError(
                f"int8 on CUDA needs at least {INT8_LEAST_ROWS} tokens per batch (packed: inputs), but a batch has "
                f"{rows}; use a larger batch size or fp8"
            )
