"""Folders of tiny models as they come from elsewhere: variations of a config, odd values, weights with a history."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from tests.make.damage import damage
from trainables.model.architectures import ARCHITECTURES
from trainables.model.loading import WEIGHTS_FILE, save

POSITIONS = 40
Tensors = dict[str, torch.Tensor]
# What may stand in the config of a model that works. A name that an architecture does not know is ignored by all.
LEGAL: tuple[dict[str, Any], ...] = (
    {"output_hidden_states": True}, {"output_attentions": True}, {"return_dict": False}, {"use_return_dict": False},
    {"chunk_size_feed_forward": 4}, {"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"hidden_act": "silu"},
    {"activation": "relu"}, {"hidden_activation": "relu"}, {"hidden_dropout_prob": 0.4, "dropout": 0.4},
    {"classifier_dropout": 0.5}, {"seq_classif_dropout": 0.5}, {"layer_norm_eps": 1e-2}, {"norm_eps": 1e-2},
    {"torch_dtype": "float16"}, {"dtype": "bfloat16"}, {"use_cache": True}, {"tie_word_embeddings": False},
    {"_attn_implementation": "eager"}, {"attn_implementation": "flash_attention_2"}, {"architectures": None},
    {"architectures": ["BertForMaskedLM"]}, {"finetuning_task": "mrpc"}, {"transformers_version": "2.1.0"},
    {"auto_map": {"AutoModel": "modeling_own.OwnModel"}}, {"problem_type": None}, {"gradient_checkpointing": True},
    {"classifier_pooling": "mean"}, {"local_attention": 4}, {"global_attn_every_n_layers": 1}, {"norm_bias": True},
    {"summary_type": "mean"}, {"embedding_size": 8}, {"sinusoidal_pos_embds": True}, {"reference_compile": True},
    {"bos_token_id": 0}, {"eos_token_id": 2}, {"pad_token_id": 4}, {"pad_token_id": None}, {"type_vocab_size": 1},
    {"task_specific_params": {"a": {}}}, {"classifier_bias": True}, {"deterministic_flash_attn": True},
    {"label_smoothing": 0.1}, {"tie_encoder_decoder": False}, {"is_decoder": False}, {"pruned_heads": {}},
)  # fmt: skip
# What asks for another computation than an encoder's here, for a head of another use, or for nothing that can be.
ODD: tuple[dict[str, Any], ...] = (
    {"is_decoder": True}, {"add_cross_attention": True}, {"is_encoder_decoder": True}, {"pruned_heads": {"0": [1]}},
    {"position_embedding_type": "relative_key"}, {"model_type": "t5"}, {"model_type": "albert"}, {"model_type": None},
    {"problem_type": "regression"}, {"problem_type": "multi_label_classification"}, {"problem_type": "guess"},
    {"num_hidden_layers": 1, "n_layers": 1}, {"num_hidden_layers": 3, "n_layers": 3}, {"vocab_size": 7},
    {"num_attention_heads": 3, "n_heads": 3}, {"hidden_size": 24, "dim": 24}, {"max_position_embeddings": 4},
    {"max_position_embeddings": 99}, {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    {"quantization_config": {"load_in_8bit": True}}, {"id2label": {"1": "a", "2": "b"}}, {"id2label": {}},
    {"id2label": None}, {"id2label": {"0": None, "1": 1}}, {"id2label": {"0": "same", "1": "same"}},
    {"hidden_act": "own", "activation": "own", "hidden_activation": "own"}, {"type_vocab_size": 0},
)  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, 0, -1, 1, 3, 10**5, 0.5, float("nan"), "", "x", "16", [], [1], {}, {"a": 1})


def config(model_type: str, vocabulary: int, pad_id: int, labels: Sequence[str]) -> dict[str, Any]:
    """config.json of a tiny encoder."""
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    made: dict[str, Any] = {"vocab_size": vocabulary, "pad_token_id": pad_id, **named}
    if model_type == "distilbert":
        made |= {"dim": 16, "hidden_dim": 32, "n_layers": 2, "n_heads": 2}
    else:
        made |= {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    made["max_position_embeddings"] = POSITIONS
    if model_type == "roberta":
        made["max_position_embeddings"] = POSITIONS + pad_id + 1
    if model_type == "mpnet":
        made["max_position_embeddings"] = POSITIONS + 2
    if model_type == "electra":
        made["embedding_size"] = 16
    if model_type == "modernbert":
        made |= {"global_attn_every_n_layers": 2, "local_attention": 8, "cls_token_id": 2, "sep_token_id": 3}
    return made


def make(rng: random.Random, folder: Path, vocabulary: int, pad_id: int, labels: Sequence[str], odd: bool) -> str:
    """Write a model; what is odd about it, or "". Its weights are large enough that layers matter."""
    model_type = rng.choice(tuple(ARCHITECTURES))
    plain = config(model_type, vocabulary, pad_id, labels)
    values = plain.copy()
    for change in rng.sample(LEGAL, rng.choice((0, 0, 1, 2, 3))):
        values |= change
    kind = AutoModelForQuestionAnswering if odd and rng.random() < 0.03 else AutoModelForSequenceClassification
    torch.manual_seed(rng.randrange(2**31))
    try:
        _save(kind.from_config(AutoConfig.for_model(model_type, **values), dtype=torch.float32), folder)
    except Exception:  # changes that Transformers itself does not take together
        values = plain
        made = AutoConfig.for_model(model_type, **plain)
        _save(AutoModelForSequenceClassification.from_config(made, dtype=torch.float32), folder)
    written = json.loads((folder / "config.json").read_text())
    written |= {name: value for name, value in values.items() if name not in ("id2label", "label2id")}
    (folder / "config.json").write_text(json.dumps(written))
    if not odd:
        return ""
    return rng.choice((odd_config, odd_config, odd_value, odd_weights, odd_weights, odd_files))(rng, folder)


def _save(model: Any, folder: Path) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0 if parameter.ndim > 1 else 0.1, 0.3)
    save(model, folder)


def odd_config(rng: random.Random, folder: Path) -> str:
    file = folder / "config.json"
    change = rng.choice(ODD)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    return f"config {change}"


def odd_value(rng: random.Random, folder: Path) -> str:
    file = folder / "config.json"
    values = json.loads(file.read_text())
    name = rng.choice(sorted(values))
    values[name] = rng.choice(VALUES)
    if rng.random() < 0.3:
        del values[name]
    file.write_text(json.dumps(values))
    return f"config value {name}={values.get(name, 'removed')!r}"


def odd_weights(rng: random.Random, folder: Path) -> str:
    change = rng.choice(WEIGHTS)
    file = folder / WEIGHTS_FILE
    changed = change(rng, load_file(file))
    save_file({name: tensor.contiguous().clone() for name, tensor in changed.items()}, file, {"format": "pt"})
    return f"weights {change.__name__}"


def odd_files(rng: random.Random, folder: Path) -> str:
    """Files damaged, or beside others."""
    kind = rng.randrange(5)
    weights, configured = folder / WEIGHTS_FILE, folder / "config.json"
    if kind == 0:
        weights.write_bytes(damage(rng, weights.read_bytes()))
    elif kind == 1:
        configured.write_bytes(damage(rng, configured.read_bytes()))
    elif kind == 2:
        (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "bert"}')
    elif kind == 3:
        weights.rename(folder / "weights.safetensors")
    else:
        _shard(rng, folder)
    return f"files {('weights', 'config', 'adapter', 'name', 'shards')[kind]}"


def _shard(rng: random.Random, folder: Path) -> None:
    """Two files and an index, as large models have; one of them is sometimes lost."""
    file = folder / WEIGHTS_FILE
    tensors = sorted(load_file(file).items())
    file.unlink()
    half = len(tensors) // 2
    where = {}
    for number, part in enumerate((tensors[:half], tensors[half:]), start=1):
        name = f"model-0000{number}-of-00002.safetensors"
        save_file(dict(part), folder / name, {"format": "pt"})
        where |= {tensor: name for tensor, _ in part}
    (folder / f"{WEIGHTS_FILE}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    if rng.random() < 0.4:
        (folder / rng.choice(sorted(set(where.values())))).unlink()


# ---- what happened to weights ----


def prefixed(rng: random.Random, weights: Tensors) -> Tensors:
    prefix = rng.choice(("_orig_mod.", "module.", "model.", "encoder."))
    return {prefix + name: tensor for name, tensor in weights.items()}


def in_part(rng: random.Random, weights: Tensors) -> Tensors:
    lost = set(rng.sample(sorted(weights), rng.choice((1, 1, 2, 5))))
    return {name: tensor for name, tensor in weights.items() if name not in lost}


def with_more(rng: random.Random, weights: Tensors) -> Tensors:
    inner = next(name for name in weights if "layer" in name)
    name = rng.choice((inner.replace(".0.", ".9."), f"{inner}_lora_A", "adapter.up", inner + "_mask", "cls.bias"))
    return weights | {name: torch.ones(16)}


def of_another_shape(rng: random.Random, weights: Tensors) -> Tensors:
    name = rng.choice(sorted(weights))
    return weights | {name: rng.choice((weights[name].flatten(), weights[name].T, weights[name][:1]))}


def not_numbers(rng: random.Random, weights: Tensors) -> Tensors:
    name = rng.choice(sorted(weights))
    return weights | {name: torch.full_like(weights[name], rng.choice((float("nan"), float("inf"))))}


def of_another_type(rng: random.Random, weights: Tensors) -> Tensors:
    kind = rng.choice((torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool, torch.complex64))
    names = sorted(weights) if rng.random() < 0.5 else [rng.choice(sorted(weights))]
    return weights | {name: weights[name].to(kind) for name in names}


def old_names(rng: random.Random, weights: Tensors) -> Tensors:
    """As TensorFlow called them; Transformers knows."""
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    found = {name: next((end for end in old if name.endswith(end)), "") for name in weights}
    return {name.removesuffix(end) + old.get(end, ""): weights[name] for name, end in found.items()}


def headless(rng: random.Random, weights: Tensors) -> Tensors:
    """The encoder alone, as a base model is saved."""
    bases = {name.split(".")[0] for name in weights}
    base = max(bases, key=lambda b: sum(name.startswith(f"{b}.") for name in weights))
    return {name.removeprefix(f"{base}."): w for name, w in weights.items() if name.startswith(f"{base}.")}


WEIGHTS: tuple[Callable[[random.Random, Tensors], Tensors], ...] = (
    prefixed, in_part, with_more, of_another_shape, not_numbers, of_another_type, old_names, headless,
)  # fmt: skip
