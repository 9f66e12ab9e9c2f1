"""What a sweep reads from disk or hub: before Ray starts, so that bad input ends it before any trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from search_spaces.axes import MAX_SEQ_LEN
from search_spaces.errors import check
from search_spaces.models import NamedModel
from search_spaces.sweep_config import SweepConfig
from trainables.digest import digest_of
from trainables.host_memory import free_memory_bytes
from trainables.model.architectures import max_positions
from trainables.model.loading import (
    ModelFiles,
    load_checkpoint,
    load_config,
    load_pretrained,
    load_tokenizer,
    weight_bytes,
)
from trainables.tasks import get_task
from trainables.tasks.base import Inputs, Task
from trainables.tasks.token_cache import tokenized, tokenized_in
from tuner.fresh_data import ConfirmData, read_fresh
from tuner.recipe import recipe_digest

TRAINING_MULTIPLE = 8  # tokens: to what batches of fine-tuning are padded at least
MOST_UNKNOWN = 0.05  # share of tokens: SST-2 has none with BERT's words; above it the words are another model's


@dataclass(frozen=True)
class ModelInputs:
    """The data as tokens of one model, and what is known of it."""

    tokenizer: Any
    train: Any | None  # Tokenized; None where nothing is fine-tuned
    validation: Any
    max_positions: int  # tokens
    layers: int  # of the encoder in all
    checkpoint: ModelFiles | None  # where --checkpoint was given
    recipe_digest: str
    tokenising_cpu_s: float  # per evaluation example
    remarks: dict[str, int]  # what training leaves out or cannot use, and why: rule -> examples
    warnings: list[str]  # what looks odd and is not refused, as sentences
    fresh: ConfirmData | None  # of --confirm-data


@dataclass(frozen=True)
class SweepInputs:
    """The same examples as each of the sweep's models reads them."""

    models: dict[str, ModelInputs]  # by name, the baseline's first
    label_names: tuple[str, ...]  # the classes in the order of their numbers; none for question answering
    data_digest: str  # of the evaluation examples

    @property
    def first(self) -> ModelInputs:
        return next(iter(self.models.values()))

    @property
    def remarks(self) -> dict[str, int]:
        """What training leaves out: rule -> examples; of several models the rule says of which."""
        return {self._of(name, rule): n for name, own in self.models.items() for rule, n in own.remarks.items()}

    @property
    def warnings(self) -> list[str]:
        return [self._of(name, warning) for name, own in self.models.items() for warning in own.warnings]

    @property
    def fresh(self) -> ConfirmData | None:
        """The fresh examples, the same for all models."""
        return self.first.fresh

    def _of(self, name: str, text: str) -> str:
        return text if len(self.models) == 1 else f"{text} ({name})"


def load_inputs(config: SweepConfig) -> SweepInputs:
    """Load the examples of a sweep, and tokenise them for each of its models. UsageError for a task, data or a model
    that is not there, or does not fit the others (`trainables.model.checks`)."""
    task = get_task(config.task)
    data_dir = Path(config.data_dir) if config.data_dir else None
    tokenizers = {model.name: load_tokenizer(model.source) for model in config.models}
    examples = task.load("validation", data_dir, config.measuring.eval_examples)
    train = task.load("train", data_dir, config.finetuning.train_examples) if config.tuned else None
    labels = task.label_names(examples if train is None else train)
    data = _Data(task, examples, train, labels)
    if len(config.models) > 1:  # before any weights are loaded
        check_memory([weight_bytes(model.source, task.head, len(labels)) for model in config.models])
    models = {model.name: _load_model(config, model, data, tokenizers[model.name]) for model in config.models}
    return SweepInputs(models, labels, digest_of(examples))


@dataclass(frozen=True)
class _Data:
    """The examples of a sweep as texts."""

    task: Task
    examples: Any
    train: Any | None
    labels: tuple[str, ...]


def _load_model(config: SweepConfig, named: NamedModel, data: _Data, tokenizer: Any) -> ModelInputs:
    task, examples, train = data.task, data.examples, data.train
    if config.checkpoint:
        checkpoint, warnings = load_checkpoint(named.source, task.head, data.labels)
    else:
        checkpoint, warnings = None, []
    if train is not None:  # for its checks: fine-tuning loads it again
        load_pretrained(named.source, task.head, data.labels, config.seeds[0])
    validation, tokenising_cpu_s = tokenized_in(task, examples, tokenizer)
    tokens = tokenized(task, train, tokenizer) if train is not None else None
    file = Path(config.confirm_data) if config.confirm_data else None
    fresh = read_fresh(file, task, examples, train, tokenizer) if file is not None else None
    model = load_config(named.source)
    positions = max_positions(model)
    if tokens is not None:
        _check_training_length(task, (tokens, validation), config.finetuning.train_max_seq_len, positions, named.source)
    _check_token_types(task.inputs(validation, min(positions, MAX_SEQ_LEN)), getattr(model, "type_vocab_size", None))
    return ModelInputs(
        tokenizer=tokenizer,
        train=tokens,
        validation=validation,
        max_positions=positions,
        layers=model.num_hidden_layers,
        checkpoint=checkpoint,
        recipe_digest=recipe_digest(config, named.source, checkpoint, None if train is None else digest_of(train)),
        tokenising_cpu_s=tokenising_cpu_s / len(examples),
        remarks=task.remarks(tokens, config.finetuning.train_max_seq_len) if train is not None else {},
        warnings=[*warnings, *_unknown_tokens(task, validation, tokenizer, min(positions, MAX_SEQ_LEN))],
        fresh=fresh,
    )


def check_memory(each: Sequence[int]) -> None:
    """UsageError where the fp32 weights of several models (bytes of each) do not fit beside each other into this
    machine's memory: once to share them, and once more in each process that measures, which keeps all of them."""
    processes = max(1, torch.cuda.device_count())
    needed, free = (1 + processes) * sum(each), free_memory_bytes()
    check(
        free is None or needed <= free,
        f"the weights of all models must fit beside each other {1 + processes} times (to share them, and in each of "
        f"{processes} measuring processes), which takes {needed / 2**30:.1f} GiB",
        f"{(free or 0) / 2**30:.1f} GiB of free memory",
        "give fewer models to one sweep",
    )


def _check_training_length(task: Task, parts: Sequence[Any], limit: int, positions: int, source: str) -> None:
    """UsageError where fine-tuning would give a model longer inputs than it has positions: it would fail in a batch."""
    if limit <= positions:
        return
    longest = max(int(task.inputs(part, limit).ids.lengths.max()) for part in parts)
    check(
        -(-longest // TRAINING_MULTIPLE) * TRAINING_MULTIPLE <= positions,
        f"inputs to fine-tune with must fit the {positions} positions of {source}, padded by {TRAINING_MULTIPLE}",
        f"{longest} tokens (--train-max-seq-len {limit})",
        f"give --train-max-seq-len {positions // TRAINING_MULTIPLE * TRAINING_MULTIPLE}, for all models of the sweep",
    )


def _check_token_types(inputs: Inputs, known: int | None) -> None:
    """UsageError where the tokenizer numbers texts beyond the embedding of their types: a GPU's process would end."""
    highest = 0 if inputs.token_types is None or known is None else int(inputs.token_types.values.max(initial=0))
    check(
        known is None or inputs.token_types is None or highest < known,
        f"every token type must have a row of the model's embedding, which has {known}",
        f"type {highest}",
        "take the tokenizer that belongs to the weights, or leave token_type_ids out of its model_input_names",
    )


def _unknown_tokens(task: Task, validation: Any, tokenizer: Any, max_seq_len: int) -> list[str]:
    """A sentence where many tokens of the evaluation are unknown: another model's words, or another casing."""
    if tokenizer.unk_token_id is None:
        return []
    ids = task.inputs(validation, max_seq_len).ids.values
    words = ids[~np.isin(ids, list(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}))]
    share = float((words == tokenizer.unk_token_id).mean()) if len(words) else 0.0
    if share <= MOST_UNKNOWN:
        return []
    return [
        f"{100 * share:.0f} % of the tokens are unknown to the tokenizer ({tokenizer.unk_token}): is it the model's, "
        "and does it expect lower case?"
    ]
