"""Attention with a bias by relative position (MPNet), on the kernels that the other architectures have.

Transformers 5.17 writes it by hand: products, an addition of the bias, (rows, heads, width, width) and made anew in
every pass, another of the mask, which must be numbers, and a softmax, each through memory. Here the bias of each
distance is looked up once, when the model is cut. Padded batches run PyTorch's attention, to which bias and mask are
one; packed ones a kernel that looks the bias up by itself (`sequences.py`). Weights, their names and the results stay.

For inference: the table does not follow the weights.
"""

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder, MPNetModel, MPNetSelfAttention

from trainables.model.architectures import OURS
from trainables.model.attention import REACH
from trainables.model.attention.sequences import Packing, attend_within, biased, distances

NAME = f"{OURS}position_bias"

Mask = torch.Tensor | Packing | None  # boolean (rows, 1, 1, width) or (rows, width)


def use_position_bias(model: PreTrainedModel) -> None:
    """Switch `model` in place. It then takes a staged boolean mask, or one of two dimensions."""
    base: Any = model.base_model
    base.__class__, base.encoder.__class__ = BiasedModel, BiasedEncoder
    for layer in base.encoder.layer:
        layer.attention.attn.__class__ = BiasedSelfAttention
    base.encoder.register_buffer("table", bias_of_distance(base.encoder), persistent=False)
    model.config._attn_implementation = NAME


def bias_of_distance(encoder: MPNetEncoder) -> torch.Tensor:
    """(heads, 2 REACH + 1): what a key that is -REACH to REACH tokens behind the query adds to its score."""
    weights: torch.Tensor = encoder.relative_attention_bias.weight.detach()
    return weights[_buckets(encoder).to(weights.device)].t().contiguous()


def _buckets(encoder: MPNetEncoder) -> torch.Tensor:
    """(2 REACH + 1,): the row of the bias' weights for each distance; on the host, as Transformers computes it."""
    buckets: torch.Tensor = encoder.relative_position_bucket(torch.arange(-REACH, REACH + 1))
    return buckets


def stage_buckets(model: PreTrainedModel) -> None:
    """For training, in place: the rows of the bias lie on the model's device. Transformers copies them there in every
    step, which a CUDA graph cannot capture. Results stay the same."""
    encoder: Any = model.base_model.encoder
    encoder.register_buffer("buckets", _buckets(encoder).to(model.device), persistent=False)
    encoder.__class__ = StagedEncoder


class StagedEncoder(MPNetEncoder):
    """With `buckets` on its device."""

    buckets: torch.Tensor

    def compute_position_bias(self, x: torch.Tensor, position_ids: Any = None, num_buckets: int = 32) -> torch.Tensor:
        rows, width = x.shape[:2]
        values: torch.Tensor = self.relative_attention_bias(self.buckets[distances(width, x.device)])
        return values.permute(2, 0, 1).expand(rows, -1, -1, -1)


class BiasedModel(MPNetModel):
    """Without Transformers' mask: the encoder takes the staged one, or what says where packed sequences lie."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: Mask = None,
        position_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        hidden = self.embeddings(input_ids=input_ids, position_ids=position_ids, inputs_embeds=inputs_embeds)
        return BaseModelOutput(last_hidden_state=self.encoder(hidden, attention_mask))


class BiasedEncoder(MPNetEncoder):
    """Its forward gives the hidden states alone."""

    table: torch.Tensor  # of `bias_of_distance`, in the model's precision

    def forward(self, hidden_states: torch.Tensor, attention_mask: Mask = None, **_: Any) -> torch.Tensor:
        if isinstance(attention_mask, Packing):
            starts = attention_mask.starts
            for layer in self.layer:
                hidden_states = layer(hidden_states, attention_mask, self.table, starts=starts)[0]
            return hidden_states
        if attention_mask is not None:
            attention_mask = attention_mask.bool()
            attention_mask = attention_mask[:, None, None] if attention_mask.ndim == 2 else attention_mask
        bias = biased(self.table, hidden_states.shape[1], attention_mask)
        for layer in self.layer:
            hidden_states = layer(hidden_states, None, bias)[0]
        return hidden_states


class BiasedSelfAttention(MPNetSelfAttention):
    """`position_bias`: of all scores, mask included, (1 or rows, heads, width, width); the table where packed."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: Packing | None = None,
        position_bias: torch.Tensor | None = None,
        output_attentions: bool = False,
        **_: Any,
    ) -> tuple[torch.Tensor]:
        return (self.o(self.attended(hidden_states, attention_mask, position_bias)),)

    def attended(self, hidden_states: torch.Tensor, packing: Packing | None, bias: torch.Tensor | None) -> torch.Tensor:
        """What each token reads, before the output projection: (rows, width, hidden)."""
        rows, width, _ = hidden_states.shape
        heads = (rows, width, self.num_attention_heads, self.attention_head_size)
        q, k, v = (project(hidden_states).view(heads).transpose(1, 2) for project in (self.q, self.k, self.v))
        if packing is None:
            out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2)
        else:
            out = attend_within(q, k, v, packing, None, bias)
        return out.reshape(rows, width, -1)
