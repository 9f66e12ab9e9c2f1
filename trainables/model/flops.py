"""Floating-point operations of an encoder, multiply and add counted as two."""

from typing import Any

import numpy as np


def encoder_flop(lengths: np.ndarray, depth: int, hidden: int, intermediate: int) -> float:
    """FLOP of the matrix products of `depth` encoder layers over sequences of the given lengths (tokens).

    Per layer and sequence of s tokens: 8 s h^2 (query, key, value, output) + 4 s h i (feed-forward)
    + 4 s^2 h (scores and weighted sum). With i = 4 h that is 24 s h^2 + 4 s^2 h: 8.24 GFLOP for BERT-base
    (12 layers, h = 768) at s = 48. Embeddings, pooler and head (below 1 %) are left out.
    """
    s = np.asarray(lengths, dtype=np.float64)
    per_layer = (8 * hidden**2 + 4 * hidden * intermediate) * s.sum() + 4 * hidden * (s**2).sum()
    return float(depth * per_layer)


def unread_flop(lengths: np.ndarray, hidden: int, intermediate: int) -> float:
    """FLOP of one layer's output (2 h^2) and feed-forward (4 h i) products for all tokens but the first of each
    sequence: what the last layer of a packed classifier leaves out (`trainables.model.attention.first_tokens`)."""
    unread = float(np.asarray(lengths, dtype=np.float64).sum()) - len(lengths)
    return (2 * hidden**2 + 4 * hidden * intermediate) * unread


def config_sizes(config: Any) -> tuple[int, int]:
    """(hidden, intermediate) of a Transformers config."""
    intermediate = getattr(config, "intermediate_size", None) or getattr(config, "hidden_dim", None)
    return int(config.hidden_size), int(intermediate or 4 * config.hidden_size)
