"""The architectures: what differs between encoders, each entered once. Standard library alone: `analysis` reads it.

A new one is an entry here and its name in `tests/trainables/model/test_architectures.py`.
"""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from search_spaces.registry import Registry

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

OURS = "jouletune_"  # how the attention is called that `trainables.model.attention` gave a model


@dataclass(frozen=True)
class LayerParts:
    """Paths of the linear layers and norms of a layer, seen from it; each norm follows what it normalises."""

    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    up: str  # of the feed-forward part, to its intermediate size
    down: str
    output_norm: str


BERT_PARTS = LayerParts(
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
DISTILBERT_PARTS = LayerParts(
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "sa_layer_norm",
    "ffn.lin1",
    "ffn.lin2",
    "output_layer_norm",
)
MPNET_PARTS = LayerParts(
    "attention.attn.q",
    "attention.attn.k",
    "attention.attn.v",
    "attention.attn.o",
    "attention.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)


@dataclass(frozen=True)
class Architecture:
    """An encoder as Transformers builds it. `name` is the `model_type` of its config.json."""

    name: str
    layers: str  # path of the ModuleList of its layers, seen from the base model
    positions_after_padding: bool = False  # position ids count from behind the padding id
    padding_id: int | None = None  # that they count from, where Transformers' code fixes it and not the config
    sliding_windows: bool = False  # some layers see a part of the sequence; the model builds their masks itself
    bert_layers: bool = False  # a layer has BERT's parts: attention.self, attention.output and feed_forward_chunk
    position_bias: bool = False  # attention adds a bias by relative position, and Transformers computes it by hand
    parts: LayerParts | None = None  # of its layers, where `trainables.model.fused` can take them apart


ARCHITECTURES: Registry[Architecture] = Registry(
    "an architecture",
    (
        Architecture("bert", "encoder.layer", bert_layers=True, parts=BERT_PARTS),
        Architecture("roberta", "encoder.layer", bert_layers=True, positions_after_padding=True, parts=BERT_PARTS),
        Architecture("electra", "encoder.layer", bert_layers=True, parts=BERT_PARTS),
        Architecture("distilbert", "transformer.layer", parts=DISTILBERT_PARTS),
        Architecture("modernbert", "layers", sliding_windows=True),
        Architecture(
            "mpnet", "encoder.layer", positions_after_padding=True, padding_id=1, position_bias=True, parts=MPNET_PARTS
        ),
    ),
    remedy="enter it in trainables/model/architectures.py",
)


def first_position(config: "PretrainedConfig") -> int:
    """The position id of the first token."""
    architecture = ARCHITECTURES[config.model_type]
    if not architecture.positions_after_padding:
        return 0
    return (config.pad_token_id if architecture.padding_id is None else architecture.padding_id) + 1


def max_positions(config: "PretrainedConfig") -> int:
    """Tokens the position embeddings reach."""
    return int(config.max_position_embeddings) - first_position(config)


def takes_staged_mask(model: "PreTrainedModel") -> bool:
    """Can the model be given a ready boolean mask, (rows, 1, 1, width)? Where layers differ in what they see it takes
    (rows, width). So does one that adds its mask."""
    return not (ARCHITECTURES[model.config.model_type].sliding_windows or adds_mask(model))


def adds_mask(model: "PreTrainedModel") -> bool:
    """Is its attention still Transformers' own, written by hand? It adds a mask to the scores: a ready one is numbers,
    and True would be a silent 1."""
    ours = str(model.config._attn_implementation).startswith(OURS)
    return ARCHITECTURES[model.config.model_type].position_bias and not ours


def layer_list(model: "PreTrainedModel") -> "torch.nn.ModuleList":
    """The encoder layers."""
    path = ARCHITECTURES[model.config.model_type].layers.split(".")
    layers: torch.nn.ModuleList = reduce(getattr, path, model.base_model)
    return layers
