"""A CUDA graph for each shape: the kernels of eager, launched at once."""

from typing import TYPE_CHECKING

from trainables.backends.capture import captured
from trainables.backends.forward import Run, forward_of
from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return captured(forward_of(model), batches, model.device)
