"""The last layer of a packed classifier: its head reads the first token of each sequence and no other."""

from typing import Any

import torch
from torch import nn


class FirstTokens(nn.Module):
    """A last layer, and the choice of first tokens: (1, tokens, hidden) -> (sequences, 1, hidden).

    `leaves_out`: behind its attention it computes nothing for the other tokens."""

    leaves_out = False

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer: Any = layer

    def forward(self, hidden_states: torch.Tensor, *args: Any, starts: torch.Tensor, **kwargs: Any) -> Any:
        out = self.layer(hidden_states, *args, **kwargs)
        hidden = out[0] if isinstance(out, tuple) else out
        return hidden[0].index_select(0, starts)[:, None]


class BertFirstTokens(FirstTokens):
    """The same where the layer is BERT's, but what nobody reads is not computed: behind its attention the layer goes
    on with the first tokens alone.

    Three quarters of the layer's products are then for one token instead of 25 (SST-2), 6 % of 12 layers' products.
    It changes no result.
    """

    leaves_out = True

    def forward(
        self, hidden_states: torch.Tensor, attention_mask: Any = None, *_: Any, starts: torch.Tensor, **kwargs: Any
    ) -> Any:
        attention = self.layer.attention
        attended = attention.self(hidden_states, attention_mask, **kwargs)[0]
        read = (x[0].index_select(0, starts)[:, None] for x in (attended, hidden_states))
        return self.layer.feed_forward_chunk(attention.output(*read))


class BiasedFirstTokens(FirstTokens):
    """As `BertFirstTokens`, where the attention is that of `position_bias`: it hands on (sequences, 1, hidden)."""

    leaves_out = True

    def forward(self, hidden_states: torch.Tensor, *args: Any, starts: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
        attention = self.layer.attention
        attended = attention.attn.attended(hidden_states, *args)
        attended, hidden_states = (x[0].index_select(0, starts)[:, None] for x in (attended, hidden_states))
        hidden = attention.LayerNorm(attention.attn.o(attended) + hidden_states)
        return (self.layer.output(self.layer.intermediate(hidden), hidden),)
