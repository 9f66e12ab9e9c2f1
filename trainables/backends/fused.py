"""Few kernels between the products of a layer (`trainables.model.fused`), in a CUDA graph for each shape."""

from typing import TYPE_CHECKING

from trainables.backends.capture import captured
from trainables.backends.forward import Run, forward_of
from trainables.batches import Batch
from trainables.device import BackendError
from trainables.model.fused.layers import use_fused

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(model: "PreTrainedModel", batches: list[Batch], tanh: bool = False) -> Run:
    """See `trainables.backends.build`. The encoder of the model is swapped in place."""
    if any(batch.cu_seqlens is None for batch in batches):
        raise BackendError("fused layers take packed inputs, but the batches are padded; use padding packed")
    if model.device.type != "cuda":
        raise BackendError(f"fused layers need a CUDA device, but the model is on {model.device}; use eager or compile")
    use_fused(model, tanh)
    return captured(forward_of(model), batches, model.device)
