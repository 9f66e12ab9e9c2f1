"""What must hold of a model before it is measured: its weights are all there and all used, and its head is the task's.

Transformers says of a checkpoint whose weights it could not place only that a layer was "newly initialized": the model
then answers at random. Here that is an error, for a model to fine-tune as for one that is fine-tuned.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from search_spaces.errors import UsageError, check
from trainables.model.architectures import ARCHITECTURES

# Parts that belong to another use of the same encoder: what they hold has no say in this one.
OTHER_HEADS = frozenset(
    (
        "classifier",
        "cls",
        "decoder",
        "discriminator_predictions",
        "generator_lm_head",
        "generator_predictions",
        "head",
        "lm_head",
        "pre_classifier",
        "predictions",
        "qa_outputs",
        "score",
        "sop_classifier",
        "vocab_layer_norm",
        "vocab_projector",
        "vocab_transform",
    )
)
MOST_LAYERS = 1000
BUFFERS = ("position_ids", "token_type_ids")  # that older versions kept among the weights
# Switches of config.json that change what the model computes -> the value that means "off". Transformers 5 ignores
# the first and the last, and gives the others a meaning that no encoder here has.
SWITCHES: dict[str, Any] = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "is_encoder_decoder": False,
    "pruned_heads": {},
}


def check_switches(config: Mapping[str, Any], source: str) -> None:
    """UsageError where config.json (as it stands in the file) asks for what an encoder here does not do."""
    for name, off in SWITCHES.items():
        value = config.get(name)
        check(
            value is None or value == off,
            f"{name} in the config of {source} must be {off!r}: no encoder here computes anything else",
            value,
            "the weights were trained with it: take another model",
        )


def check_layers(config: Any, source: str) -> None:
    """UsageError for a number of layers that no encoder has: building them would take minutes and the host's memory."""
    layers = config.num_hidden_layers
    check(
        isinstance(layers, int) and 1 <= layers <= MOST_LAYERS,
        f"the config of {source} must have between 1 and {MOST_LAYERS} layers",
        layers,
        "config.json is damaged: fetch the model again",
    )


def check_positions(config: Any, source: str) -> None:
    """UsageError where positions are counted from the padding token and the config names none."""
    architecture = ARCHITECTURES[config.model_type]
    counted = architecture.positions_after_padding and architecture.padding_id is None
    check(
        not counted or (isinstance(config.pad_token_id, int) and config.pad_token_id >= 0),
        f"the config of {source} must name the padding token, from which its positions are counted",
        config.pad_token_id,
        "write pad_token_id into config.json: 1 for a RoBERTa of its authors",
    )


def check_weights(info: Mapping[str, Any], model: "PreTrainedModel", source: str, head: bool) -> None:
    """UsageError unless every weight of the encoder was found and every weight found was used.

    `info` is what `from_pretrained` tells with `output_loading_info`. With `head` the task's head must be there, too;
    without, it is made anew whatever the source holds.
    """
    missing = sorted(name for name in info["missing_keys"] if head or not in_head(name, model))
    broken = [name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())]
    check(
        not broken or (not head and all(in_head(name, model) for name in broken)),
        f"the weights of {source} must be finite numbers",
        ", ".join(broken[:3]),
        "its training broke off, or the file is damaged: take another model",
    )
    left = sorted(name for name in info["unexpected_keys"] if not _of_another_head(name, model))
    shapes = sorted(str(found[0]) for found in info["mismatched_keys"] if head or not in_head(found[0], model))
    if not (missing or left or shapes):
        return
    said = [
        f"{words} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for words, names in (("lacks", missing), ("has no place for", left), ("has another shape for", shapes))
        if names
    ]
    raise UsageError(
        f"the weights of a model must all be there and all be used, but {source} {', '.join(said)}; "
        f"{_remedy(missing, left, model, head)}"
    )


def _remedy(missing: Sequence[str], left: Sequence[str], model: "PreTrainedModel", head: bool) -> str:
    if head and missing and not left and all(in_head(name, model) for name in missing):
        return "give it as --model to fine-tune it first"
    for name in missing:
        wrapped = next((other for other in left if other.endswith(f".{name}")), None)
        if wrapped is not None:
            prefix = wrapped.removesuffix(name)
            return f"its names begin with {prefix!r}, so a wrapper was saved: save the model within it, or rename them"
    return "it is another architecture than its config says, or was saved in part"


def in_head(name: str, model: "PreTrainedModel") -> bool:
    """Does the weight belong to the head? The pooler does: checkpoints of language models come without one."""
    return not name.startswith(f"{model.base_model_prefix}.") or ".pooler." in name


def _of_another_head(name: str, model: "PreTrainedModel") -> bool:
    inner = name.removeprefix(f"{model.base_model_prefix}.")
    first = inner.split(".")[0]
    return first == "pooler" or name.endswith(BUFFERS) or (inner == name and first in OTHER_HEADS)


def check_runs(model: "PreTrainedModel", source: str) -> None:
    """One pass over a few tokens. What it raises says that the config asks for what Transformers itself cannot do.

    UsageError where no finite number comes out.
    """
    ids = torch.arange(9).remainder(model.config.vocab_size)[None]  # an odd number: some switches want a multiple
    with torch.inference_mode():
        first = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
    check(
        bool(torch.isfinite(first).all()),
        f"{source} must give finite numbers for any tokens",
        first.flatten()[:2].tolist(),
        "its weights or its config are damaged: take another model",
    )


def check_head(config: Any, outputs: int, source: str, classifies: bool) -> None:
    """UsageError unless the head of a fine-tuned model has the task's outputs and picks one class."""
    numbers = sorted(config.id2label)
    check(
        numbers == list(range(len(numbers))),
        f"id2label in the config of {source} must number the outputs from 0",
        numbers,
        "correct config.json: which output is which class cannot be told",
    )
    if not classifies:
        check(
            config.num_labels == outputs,
            f"the head of {source} must have {outputs} outputs per token, first and last of the answer",
            config.num_labels,
            "take a model that was fine-tuned for the task, or give it as --model to fine-tune it first",
        )
        return
    problem = config.problem_type or ("regression" if config.num_labels == 1 else "single_label_classification")
    if problem != "single_label_classification":
        one = " (one output)" if config.num_labels == 1 else ""
        raise UsageError(
            f"the head must pick one of several classes, but {source} is for {problem.replace('_', ' ')}{one}; that is "
            "not supported yet: accuracy, and the test that it is kept, count right and wrong answers"
        )
    check(
        config.num_labels == outputs,
        f"the head of {source} must have the task's {outputs} classes",
        config.num_labels,
        "take a model that was fine-tuned for the task, or give it as --model to fine-tune it first",
    )


def match_labels(model: "PreTrainedModel", ours: Sequence[str], source: str) -> list[str]:
    """Give the head the task's classes in the task's order, by their names; sentences that a user should read.

    Names such as LABEL_0 say nothing: the order is then taken to be the task's.
    """
    theirs = [str(model.config.id2label[i]) for i in range(len(ours))]
    order = _order(theirs, ours)
    told = []
    if order is None:
        told = [
            f"{source} calls its classes {_numbered(theirs)} and the task {_numbered(ours)}: the names cannot be "
            "matched, so the order was taken to be the same"
        ]
    elif order != list(range(len(ours))):
        told = [f"{source} has its classes in another order, {_numbered(theirs)}: they were matched by name"]
        _reorder(model, order)
    name_labels(model.config, ours)
    return told


def name_labels(config: Any, names: Sequence[str]) -> None:
    """The task's own class names into the config: whoever loads the saved model answers with them."""
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.problem_type = "single_label_classification"


def _numbered(names: Sequence[str]) -> str:
    return " ".join(f"{number}={name}" for number, name in enumerate(names))


def _order(theirs: Sequence[str], ours: Sequence[str]) -> list[int] | None:
    """Where each of our classes stands among theirs; None where the names do not say."""
    plain = [_plain(name) for name in theirs]
    if plain in ([f"label{i}" for i in range(len(ours))], [str(i) for i in range(len(ours))]):
        return list(range(len(ours)))
    found = []
    for name in map(_plain, ours):
        same = [i for i, other in enumerate(plain) if other == name]
        alike = same or [i for i, other in enumerate(plain) if _begins(name, other) or _begins(other, name)]
        found.append(alike[0] if len(alike) == 1 else -1)
    return found if sorted(found) == list(range(len(ours))) else None


def _begins(name: str, start: str) -> bool:
    """ "pos" is how "positive" begins."""
    return len(start) >= 3 and name.startswith(start)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _reorder(model: "PreTrainedModel", order: list[int]) -> None:
    """Permute the outputs of the head's last linear layer: output i becomes what output order[i] was."""

    last = _last_linear(model, len(order))
    with torch.no_grad():
        last.weight.copy_(last.weight[order].clone())
        if last.bias is not None:
            last.bias.copy_(last.bias[order].clone())


def _last_linear(model: "PreTrainedModel", outputs: int) -> "torch.nn.Linear":

    found = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and in_head(name, model) and module.out_features == outputs
    ]
    return found[-1]


def check_tokenizer(tokenizer: Any, config: Any, source: str) -> None:
    """UsageError unless the tokenizer is one that this program can use, and may be the model's."""
    check(
        bool(getattr(tokenizer, "is_fast", False)),
        f"the tokenizer of {source} must be a fast one (with a tokenizer.json)",
        type(tokenizer).__name__,
        "one that is written in Python cannot say which token belongs to which text: convert it, or take another model",
    )
    check(
        tokenizer.pad_token_id is not None,
        f"the tokenizer of {source} must have a padding token",
        None,
        "name it in tokenizer_config.json, as pad_token",
    )
    check(
        tokenizer.truncation_side == "right",
        f"the tokenizer of {source} must cut texts at their end, as max_seq_len means it",
        f"truncation_side {tokenizer.truncation_side!r}",
        "if the beginning of a text says as much, write truncation_side right into tokenizer_config.json",
    )
    tokenizer("a", "a")  # whatever else is wrong with it
    vocabulary = tokenizer.get_vocab()
    special = set(tokenizer.all_special_ids)
    words = [number for number in vocabulary.values() if number not in special]
    check(
        bool(words),
        f"the tokenizer of {source} must know words",
        f"{len(vocabulary)} tokens, all of them special",
        "its files are missing: copy tokenizer.json and tokenizer_config.json beside the weights",
    )
    highest = max(max(vocabulary.values()), tokenizer.pad_token_id)
    check(
        highest < config.vocab_size,
        f"every token of {source} must have a row of the embedding, which has {config.vocab_size}",
        f"the id {highest} of {tokenizer.convert_ids_to_tokens(highest)!r}",
        "tokens were added after the training: take the tokenizer that belongs to the weights",
    )
