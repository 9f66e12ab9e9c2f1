"""Attention without padding: the sequences of a batch lie end to end and each attends to itself alone.

On a GPU in half precision a kernel does it: for short sequences our own (`short.py`), for longer ones PyTorch's
variable-length flash attention. Elsewhere (fp32, CPU) the same result comes from ordinary attention under a
block-diagonal mask, which costs tokens^2 and is exact, not fast.
"""

from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, PreTrainedModel

from trainables.device import BackendError
from trainables.model.architectures import ARCHITECTURES, layer_list
from trainables.model.attention import SHORT
from trainables.model.attention.first_tokens import BertFirstTokens, FirstTokens

NAME = "jouletune_packed"


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
    AttentionInterface.register(NAME, packed_attention)
    model.set_attn_implementation(NAME)
    if not classify:
        return
    layers = layer_list(model)
    layers[-1] = (BertFirstTokens if architecture.bert_layers else FirstTokens)(layers[-1])


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
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        return _by_kernel(query, key, value, cu_seqlens, max_seqlen, scaling).unsqueeze(0), None
    tokens = torch.arange(query.shape[2], device=query.device)
    sequence = torch.bucketize(tokens, cu_seqlens, right=True)
    same = (sequence[:, None] == sequence[None, :])[None, None]
    out = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=same, scale=scaling)
    return out.transpose(1, 2), None


def _by_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seqlens: torch.Tensor,
    max_seqlen: int,
    scaling: float | None,
) -> torch.Tensor:
    """(1, heads, tokens, head_dim) in, (tokens, heads, head_dim) out."""
    from trainables.model.attention.short import HEAD_DIMS, attend

    _, heads, _, head_dim = query.shape
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))
    if max_seqlen > SHORT or head_dim not in HEAD_DIMS:
        out = varlen_attn(q, k, v, cu_seqlens, cu_seqlens, max_seqlen, max_seqlen, scale=scaling)
        return out  # type: ignore[return-value]
    q, k, v = (t.reshape(-1, heads * head_dim) for t in (q, k, v))
    out = attend(q, k, v, cu_seqlens, max_seqlen, heads, scaling or head_dim**-0.5)
    return out.view(-1, heads, head_dim)
