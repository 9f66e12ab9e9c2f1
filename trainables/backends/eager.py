"""Eager: the host launches one kernel after another."""

from typing import TYPE_CHECKING

from trainables.backends.forward import Run, forward_of, launched
from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return launched(forward_of(model), batches)
