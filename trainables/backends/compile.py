"""torch.compile: kernels fused by Inductor, launched from the host."""

from typing import TYPE_CHECKING

from trainables.backends.forward import Run, forward_of, launched
from trainables.backends.program import compiled
from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return launched(compiled(model, forward_of(model), batches), batches)
