"""Attention without padding: the sequences of a batch lie end to end and each attends to itself alone.

How that is computed is in `sequences.py`; here a model is switched to it.
"""

from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel

from trainables.device import BackendError
from trainables.model.architectures import ARCHITECTURES, OURS, Architecture, layer_list
from trainables.model.attention.first_tokens import BertFirstTokens, BiasedFirstTokens, FirstTokens
from trainables.model.attention.sequences import Packing, attend_within

NAME = f"{OURS}packed"


def use_packed_attention(model: PreTrainedModel, classify: bool) -> None:
    """Switch `model` (from `trainables.model.cut`) to packed inputs, in place.

    Its forward then takes `cu_seqlens`, `max_seqlen` and `starts`. With `classify` the last layer hands on the
    first token of each sequence only, as (sequences, 1, hidden), so that any head reading the first token works.
    `BackendError` where layers differ in what they see: here every token sees its whole sequence.
    """
    architecture = ARCHITECTURES[model.config.model_type]
    if architecture.sliding_windows:
        raise BackendError(
            f"packed attention has no sliding windows, but {architecture.name} needs them; use padding longest"
        )
    if model.device.type == "cuda":
        import trainables.model.attention.short  # here, not while a compiler traces the model # noqa: F401
    if architecture.position_bias:
        model.config._attn_implementation = NAME
        model.register_forward_pre_hook(_mask_is_packing, with_kwargs=True)
    else:
        AttentionInterface.register(NAME, packed_attention)
        model.set_attn_implementation(NAME)
    if not classify:
        return
    layers = layer_list(model)
    layers[-1] = _first_tokens(architecture)(layers[-1])


def _first_tokens(architecture: Architecture) -> type[FirstTokens]:
    if architecture.position_bias:
        return BiasedFirstTokens
    return BertFirstTokens if architecture.bert_layers else FirstTokens


def _mask_is_packing(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Before the forward of a model whose head hands on a mask, and nothing that it does not know."""
    packing = Packing(*(kwargs.pop(name) for name in Packing._fields))
    return args, kwargs | {"attention_mask": packing}


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seqlens: torch.Tensor,
    max_seqlen: int,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """A Transformers attention function: (1, heads, tokens, head_dim) in, (1, tokens, heads, head_dim) out."""
    return attend_within(query, key, value, Packing(cu_seqlens, max_seqlen), scaling).unsqueeze(0), None
