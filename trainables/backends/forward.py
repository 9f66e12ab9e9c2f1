"""What every backend executes: one forward pass of the model over a staged batch."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Forward = Callable[..., torch.Tensor]
Run = Callable[[int], torch.Tensor]


def forward_of(model: "PreTrainedModel") -> Forward:
    """A callable from the model's keyword arguments to its logits, or to start and end logits stacked last."""
    # By the class: its last layer is called qa_outputs in most architectures, and classifier in ModernBERT.
    question_answering = type(model).__name__.endswith("ForQuestionAnswering")

    def forward(**arguments: Any) -> torch.Tensor:
        output = model(**arguments)
        if question_answering:
            return torch.stack([output.start_logits, output.end_logits], dim=-1)
        logits: torch.Tensor = output.logits
        return logits

    return forward


def arguments_of(batch: Batch, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Keyword arguments of the model; packed attention wants the longest sequence as a plain number."""
    return tensors | ({"max_seqlen": batch.max_seqlen} if batch.cu_seqlens is not None else {})


def launched(forward: Forward, batches: list[Batch]) -> Run:
    """`forward` launched from the host for each batch."""
    calls = [arguments_of(b, b.tensors()) for b in batches]

    def run(i: int) -> torch.Tensor:
        return forward(**calls[i])

    return run
