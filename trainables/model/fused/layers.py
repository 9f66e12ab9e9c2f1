"""From a cut model to the same one with a fused encoder, in place: embeddings and head stay Transformers' own.

A layer: queries, keys and values as one product; attention, which reads them as they lie there; a product whose
residual, bias and layer norm are one kernel; a product with its GELU; another with its layer norm. In the last layer
of a classifier what follows attention is computed for the first tokens alone, whatever the architecture.
"""

from functools import reduce
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from trainables.device import BackendError
from trainables.model.architectures import ARCHITECTURES, LayerParts, layer_list
from trainables.model.attention.first_tokens import FirstTokens
from trainables.model.attention.sequences import Packing, attend_within
from trainables.model.fused.operations import Operations, operations_of
from trainables.model.fused.products import product_of
from trainables.model.fused.rows import Norm, Rows

# GELU as the config calls it: by erf, and by its tanh form.
ERF = ("gelu", "gelu_python")
TANH = ("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate")


def use_fused(model: PreTrainedModel, tanh: bool = False, operations: Operations | None = None) -> None:
    """Swap the encoder of a `model` (from `trainables.model.cut`) that was switched to packed inputs, in place; one
    that was swapped stays as it is.

    With `tanh` GELU is computed by its tanh form whatever the config says: another function, by 5e-4 at most. The
    weights move, layer by layer, and are never there twice. `BackendError` for an architecture or an activation that
    is not known.
    """
    architecture = ARCHITECTURES[model.config.model_type]
    if architecture.parts is None:
        known = ", ".join(a.name for a in ARCHITECTURES.values() if a.parts)
        raise BackendError(f"fused layers are known of {known}, but the model is a {architecture.name}; use cuda_graph")
    tanh = by_tanh(model) or tanh
    path, _, _ = architecture.layers.rpartition(".")
    encoder = model.base_model.get_submodule(path)
    if isinstance(encoder, FusedEncoder):
        return
    operations = operations or operations_of(model.device)
    layers: Any = layer_list(model)
    for i, layer in enumerate(layers):
        layers[i] = FusedLayer(layer, architecture.parts, model.config.num_attention_heads, tanh, operations)
    fused = FusedEncoder(layers, getattr(encoder, "table", None) if architecture.position_bias else None)
    parent, _, own = path.rpartition(".")
    setattr(model.base_model.get_submodule(parent), own, fused)


def by_tanh(model: PreTrainedModel) -> bool:
    """Does the config ask for GELU's tanh form? `BackendError` where it asks for no GELU."""
    activation = getattr(model.config, "hidden_act", None) or model.config.activation
    if activation not in (*ERF, *TANH):
        raise BackendError(
            f"the activation of fused layers must be one of {', '.join((*ERF, *TANH))}, but the model has "
            f"{activation!r}; use cuda_graph"
        )
    return activation in TANH


class FusedEncoder(nn.Module):
    """In the place of an encoder, with packed inputs: (1, tokens, hidden) -> the same, or (sequences, 1, hidden) of
    the first tokens."""

    table: torch.Tensor | None  # of a bias by relative position; such an encoder returns hidden states alone

    def __init__(self, layer: nn.ModuleList, table: torch.Tensor | None) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("table", table, persistent=False)

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: Any = None,
        *_: Any,
        cu_seqlens: torch.Tensor | None = None,
        max_seqlen: int = 0,
        starts: torch.Tensor | None = None,
        **__: Any,
    ) -> Any:
        packing = attention_mask
        if not isinstance(packing, Packing):
            packing = Packing(cast(torch.Tensor, cu_seqlens), max_seqlen, starts)
        layers = cast("list[FusedLayer]", list(self.layer))
        values = hidden_states[0]
        rows = Rows(values, layers[0].inward.operand(values))
        for layer in layers:
            rows = layer(rows, packing, self.table)
        out = rows.values[:, None] if layers[-1].leaves_out else rows.values[None]
        return out if self.table is not None else BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=out)


class FusedLayer(nn.Module):
    """An encoder layer whose norms follow what they normalise (BERT's order).

    `leaves_out`: behind its attention it goes on with the first token of each sequence and no other."""

    def __init__(self, layer: nn.Module, parts: LayerParts, heads: int, tanh: bool, operations: Operations) -> None:
        super().__init__()
        self.leaves_out = isinstance(layer, FirstTokens)
        inner: Any = layer.layer if isinstance(layer, FirstTokens) else layer
        self.heads, self.tanh = heads, tanh

        def part(path: str) -> Any:
            return reduce(getattr, path.split("."), inner)

        self.inward = product_of([part(parts.query), part(parts.key), part(parts.value)], operations)
        self.outward = product_of([part(parts.attention_output)], operations)
        self.up, self.down = product_of([part(parts.up)], operations), product_of([part(parts.down)], operations)
        self.attention_norm, self.output_norm = part(parts.attention_norm), part(parts.output_norm)

    def forward(self, rows: Rows, packing: Packing, table: torch.Tensor | None) -> Rows:
        joint = self.inward.plain(rows.operand)  # (tokens, 3 x hidden)
        q, k, v = (
            part.unflatten(1, (self.heads, -1)).transpose(0, 1)[None] for part in joint.chunk(3, dim=1)
        )  # views, (1, heads, tokens, head_dim)
        attended, residual = attend_within(q, k, v, packing, None, table).flatten(1), rows.values
        if self.leaves_out:
            starts = cast(torch.Tensor, packing.starts)
            attended, residual = attended.index_select(0, starts), residual.index_select(0, starts)
        rows = self.outward.normed(self.outward.operand(attended), residual, _norm(self.attention_norm))
        return self.down.normed(self.up.gelu(rows.operand, self.tanh), rows.values, _norm(self.output_norm))


def _norm(norm: nn.LayerNorm) -> Norm:
    return Norm(norm.weight, norm.bias, norm.eps)
