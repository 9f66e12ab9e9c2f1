"""As `fused`, but GELU by its tanh form whatever the model's config says: cuBLAS computes that in the product itself.

A recipe, and not the model's own function (5e-4 apart at most), so it has a name of its own.
"""

from typing import TYPE_CHECKING

from trainables.backends import fused
from trainables.backends.forward import Run
from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return fused.build(model, batches, tanh=True)
