"""Each fused kernel against plain PyTorch, on any device: what the interpreter's tests and a GPU's have in common.

Import it only where Triton is.
"""

from typing import Any

import torch

from trainables.model.fused import add_norm, eight_bits, gelu, linear_gelu, reference
from trainables.model.fused.rows import Norm, Quantised, Unfinished

# (tokens, features): BERT-base's and MiniLM's rows, a row of every multiple, and none of a power of two.
SHAPES = [(5, 768), (7, 384), (1, 64), (3, 80), (2, 1024), (3, 3072)]
# Largest difference from the reference, which rounds the same fp32 numbers: one rounding of numbers below 8.
ATOL = {torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3.2e-2}


def case(tokens: int, width: int, dtype: torch.dtype, device: torch.device, integers: bool = False) -> dict[str, Any]:
    """A product, as floats with a bias or as integers with scales, and what is added to it and normalises it."""
    generator = torch.Generator().manual_seed(tokens * width)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    bias, residual = normal(width).to(device, dtype), normal(tokens, width).to(device, dtype)
    norm = Norm((1 + 0.2 * normal(width)).to(device, dtype), (0.2 * normal(width)).to(device, dtype), 1e-12)
    if integers:
        values = (30_000 * normal(tokens, width)).to(torch.int32).to(device)
        token_scale, feature_scale = (normal(n).abs().add(0.5).mul(6e-3).to(device) for n in (tokens, width))
        return {"product": Unfinished(values, bias, token_scale[:, None], feature_scale[None]), "residual": residual,
                "norm": norm}  # fmt: skip
    values = (2 * normal(tokens, width)).to(device, dtype)
    return {"product": Unfinished(values, bias), "residual": residual, "norm": norm}


def copied(product: Unfinished) -> Unfinished:
    """The same in other memory: kernels overwrite it."""
    return product._replace(values=product.values.clone())


def assert_close(ours: torch.Tensor, expected: torch.Tensor) -> None:
    rtol = 2**-8 if expected.dtype == torch.bfloat16 else 2**-10
    torch.testing.assert_close(ours, expected, atol=ATOL[expected.dtype], rtol=rtol)


def assert_quantised(ours: Quantised, expected: Quantised) -> None:
    """Scales equal but for fp32 rounding, and all but a few numbers the same: those between two steps may fall to
    either side. The interpreter of Triton 3.6 rounds a few percent of numbers wrongly to fp8: it loses the carry of
    those just below a power of two, and cuts the subnormal ones."""
    torch.testing.assert_close(ours.scale, expected.scale, rtol=1e-5, atol=1e-9)
    assert ours.values.dtype == expected.values.dtype
    same = ours.values.view(torch.uint8) == expected.values.view(torch.uint8)
    integers = not expected.values.dtype.is_floating_point
    assert float(same.float().mean()) > (0.99 if integers or ours.values.is_cuda else 0.93)
    if integers:
        assert int((ours.values.int() - expected.values.int()).abs().max()) <= 1


def check_add_norm(
    shape: tuple[int, int], dtype: torch.dtype, operands: torch.dtype | None, residual: bool, integers: bool,
    device: torch.device,
) -> None:  # fmt: skip
    made = case(*shape, dtype, device, integers)
    added = made["residual"] if residual else None
    expected = reference.add_norm(made["product"], added, made["norm"], operands)
    ours = add_norm.add_norm(copied(made["product"]), added, made["norm"], operands)
    assert_close(ours.values, expected.values)
    assert expected.values.float().std() > 0.5
    if operands is not None:
        assert isinstance(ours.operand, Quantised)
        assert isinstance(expected.operand, Quantised)
        assert_quantised(ours.operand, expected.operand)


def check_gelu(
    shape: tuple[int, int], dtype: torch.dtype, tanh: bool, operands: torch.dtype | None, integers: bool,
    device: torch.device,
) -> None:  # fmt: skip
    product = case(*shape, dtype, device, integers)["product"]
    if operands is None:
        assert_close(gelu.gelu(copied(product), tanh, dtype), reference.gelu(product, tanh, dtype))
    else:
        ours = gelu.quantised_gelu(copied(product), tanh, operands)
        assert_quantised(ours, reference.quantised_gelu(product, tanh, operands))


def check_quantise(shape: tuple[int, int], dtype: torch.dtype, operands: torch.dtype, device: torch.device) -> None:
    x = case(*shape, dtype, device)["product"].values
    x[0] = 0  # a token of zeros stays zero
    ours = eight_bits.quantise(x, operands)
    assert_quantised(ours, reference.quantise(x, operands))
    assert not ours.values[0].float().any()


def check_finish(shape: tuple[int, int], device: torch.device) -> None:
    product = case(*shape, torch.bfloat16, device, integers=True)["product"]
    assert_close(eight_bits.finish(product, torch.bfloat16), reference.finish(product, torch.bfloat16))


def check_linear_gelu(
    tokens: int, within: int, features: int, dtype: torch.dtype, tile: linear_gelu.Tile | None, device: torch.device
) -> None:
    generator = torch.Generator().manual_seed(tokens)
    x = torch.randn(tokens, within, generator=generator).to(device, dtype)
    weight = (torch.randn(features, within, generator=generator) * 2 * within**-0.5).to(device, dtype)
    bias = torch.randn(features, generator=generator).to(device, dtype)
    assert_close(linear_gelu.linear_gelu(x, weight, bias, tile), reference.linear_gelu(x, weight, bias))
