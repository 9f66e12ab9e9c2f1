"""PyTorch's attention, without the mask that Transformers builds for batches that need none.

A batch whose inputs all fill its width is given no mask, so that PyTorch can take its flash kernel. While a CUDA graph
is captured or a model is compiled, Transformers 5.17 cannot tell that nothing is padded and builds a full mask, (rows,
1, width, width), in every pass: the likely reason why a CUDA graph of full batches needed half as much energy again as
eager launches (SQuAD at 192 tokens, EXPERIMENTS.md, 2026-11-27).
"""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from trainables.model.architectures import OURS

NAME = f"{OURS}padded"


def use_padded_attention(model: PreTrainedModel) -> None:
    """Switch a bidirectional `model` that runs PyTorch's attention, in place; one that runs another stays as it is."""
    if model.config._attn_implementation != "sdpa":
        return
    AttentionInterface.register(NAME, sdpa_attention_forward)
    AttentionMaskInterface.register(NAME, _mask)
    model.set_attn_implementation(NAME)


def _mask(*sizes: Any, attention_mask: torch.Tensor | None = None, **settings: Any) -> torch.Tensor | None:
    """Transformers' mask for PyTorch's attention; none where there is none to begin with."""
    if attention_mask is None:
        return None
    mask: torch.Tensor | None = sdpa_mask(*sizes, attention_mask=attention_mask, **settings)
    return mask
