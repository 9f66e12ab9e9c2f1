"""torch.compile, and its kernels in a CUDA graph for each shape."""

from typing import TYPE_CHECKING

from trainables.backends.capture import captured
from trainables.backends.forward import Run, forward_of
from trainables.backends.program import compiled
from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return captured(compiled(model, forward_of(model), batches), batches, model.device)
