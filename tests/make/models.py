"""Tiny random models and inputs for tests; no downloads."""

from typing import Any

import numpy as np

from trainables.tasks.base import Inputs, Ragged

SIZES = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4}


def config(model_type: str = "bert", **changes: Any) -> Any:
    """A 4-layer config of an architecture, 64 positions, two labels, no dropout differences in eval."""
    from transformers import AutoConfig

    names = dict(SIZES, intermediate_size=64, max_position_embeddings=64, num_labels=2, pad_token_id=0)
    if model_type == "distilbert":
        names |= {"dim": 32, "hidden_dim": 64, "n_layers": 4, "n_heads": 4}
        for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
            names.pop(name)
    if model_type in ("roberta", "mpnet"):
        names |= {"max_position_embeddings": 66, "pad_token_id": 1}
    if model_type == "modernbert":
        names |= {"global_attn_every_n_layers": 2, "local_attention": 16, "cls_token_id": 2, "sep_token_id": 3}
    return AutoConfig.for_model(model_type, **(names | changes))


def model(model_type: str = "bert", seed: int = 0, **changes: Any) -> Any:
    """The architecture with random weights large enough that layers matter, in eval mode."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    made = AutoModelForSequenceClassification.from_config(config(model_type, **changes), dtype=torch.float32)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    return made.eval()


def inputs(lengths: list[int], rng: np.random.Generator, pad_id: int = 0) -> Inputs:
    """Inputs of the given lengths (tokens) with random ids from 5 up."""
    ids = Ragged.from_lists([rng.integers(5, 50, n).tolist() for n in lengths])
    types = Ragged(np.zeros_like(ids.values), ids.offsets)
    return Inputs(ids, types, np.arange(len(lengths)), pad_id)
