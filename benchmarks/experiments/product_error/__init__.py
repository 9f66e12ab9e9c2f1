"""How far is a product of 8-bit operands from that of fp32? One random linear layer, on a CPU.

    python -m benchmarks.experiments.product_error

Normal activations, PyTorch's own initial weights; the error is the root mean square of the difference over that of the
exact product, without the bias. What it does to a model's predictions is in the rows of a sweep. No bar: a test holds
both to a bound.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Command


@dataclass(frozen=True, kw_only=True)
class Arguments:
    inputs: int = 768
    """Inputs of the layer."""
    outputs: int = 768
    """Its outputs."""
    tokens: int = 1000
    """Tokens that go through it."""
    seed: int = 0
    """Of weights and activations."""
    output: Path | None = None
    """Folder for product_error.json."""


PRODUCT_ERROR = Command("benchmarks.experiments.product_error", __doc__, Arguments)
