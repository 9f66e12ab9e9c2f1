"""Attention within each sequence of a packed batch: which kernel computes it, and the bias of relative positions.

On a GPU in half precision a kernel does it: for short sequences our own (`short.py`), for longer ones PyTorch's
variable-length flash attention; that takes no bias, so with one our own does these, too. Elsewhere (fp32, CPU, a head
of odd size with a bias) sequences are padded to the longest for ordinary attention alone, and packed again.
"""

from typing import NamedTuple

import torch
from torch.nn.attention.varlen import varlen_attn

from trainables.model.attention import REACH, SHORT


class Places(NamedTuple):
    """Where the tokens of a packed batch lie once its sequences are padded to the longest, and where they come from."""

    rows: torch.Tensor  # int64 (sequences, longest): the token at each place; some token where none belongs
    real: torch.Tensor  # bool (sequences, 1, 1, longest): is it one of the sequence?
    sequence: torch.Tensor  # int64 (tokens,): of each token
    offset: torch.Tensor  # int64 (tokens,): its place there


class Packing(NamedTuple):
    """Where the sequences of a packed batch lie."""

    # int32 (sequences + 1,): boundaries, the last one at the end of the batch; or, for what cannot work them out in the
    # pass (a traced graph), the places that follow from them
    cu_seqlens: torch.Tensor | Places
    max_seqlen: int  # of the longest sequence, tokens
    starts: torch.Tensor | None = None  # int64: first token of each input


def distances(tokens: int, device: torch.device) -> torch.Tensor:
    """(tokens, tokens): the column of a table of biases, (heads, 2 REACH + 1), for the query of each row and the key of
    each column."""
    at = torch.arange(tokens, device=device)
    return (at[None, :] - at[:, None]).clamp(-REACH, REACH) + REACH


def attend_within(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    scaling: float | None,
    table: torch.Tensor | None = None,
) -> torch.Tensor:
    """(1, heads, tokens, head_dim) each in, (tokens, heads, head_dim) out; `scaling` by default head_dim^-0.5.

    `table`: (heads, 2 REACH + 1), what is added to a score at each distance of the key from the query.
    """
    on_kernels = query.is_cuda and query.dtype in (torch.float16, torch.bfloat16)
    if isinstance(packing.cu_seqlens, Places) or not on_kernels:
        return _padded(query, key, value, packing, scaling, table)
    from trainables.model.attention.short import HEAD_DIMS, attend

    _, heads, _, head_dim = query.shape
    ends, longest = packing.cu_seqlens, packing.max_seqlen
    ours = head_dim in HEAD_DIMS and (longest <= SHORT or table is not None)
    if table is not None and not ours:
        return _padded(query, key, value, packing, scaling, table)
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))
    if not ours:
        return varlen_attn(q, k, v, ends, ends, longest, longest, scale=scaling)  # type: ignore[return-value]
    q, k, v = (t.reshape(-1, heads * head_dim) for t in (q, k, v))
    out = attend(q, k, v, ends, longest, heads, scaling or head_dim**-0.5, table)
    return out.view(-1, heads, head_dim)


def _padded(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    scaling: float | None,
    table: torch.Tensor | None,
) -> torch.Tensor:
    """`attend_within` by ordinary attention: sequences x longest^2 products, where a block-diagonal mask over the batch
    costs tokens^2."""
    ends, longest, _ = packing
    places = ends if isinstance(ends, Places) else places_of(ends, longest, query.shape[2])
    mask = places.real if table is None else biased(table, places.real.shape[-1], places.real)
    q, k, v = (t[0][:, places.rows].transpose(0, 1) for t in (query, key, value))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scaling)
    return out[places.sequence, :, places.offset]


def places_of(ends: torch.Tensor, longest: int, tokens: int) -> Places:
    """`ends`: the boundaries; `longest`: no sequence is longer; `tokens`: of the batch."""
    at = torch.arange(longest, device=ends.device)
    rows = (ends[:-1, None] + at).clamp(max=tokens - 1)
    # An empty sequence sees one token, of another: it is nobody's, and a number.
    real = ((at < ends.diff()[:, None]) | (at == 0))[:, None, None]
    token = torch.arange(tokens, device=ends.device)
    sequence = torch.bucketize(token, ends, right=True) - 1
    return Places(rows, real, sequence, token - ends[sequence])


def biased(table: torch.Tensor, width: int, mask: torch.Tensor | None) -> torch.Tensor:
    """What PyTorch's attention adds to its scores: (1 or rows, heads, width, width). Where `mask`, boolean (rows, 1, 1,
    width), is False, the least number and not minus infinity: a row that sees nothing stays finite."""
    bias = table[:, distances(width, table.device)][None]
    return bias if mask is None else torch.where(mask, bias, torch.finfo(bias.dtype).min)
