"""What a sweep reads from disk or hub: before Ray starts, so that bad input ends it before any trial."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.axes import MAX_SEQ_LEN
from search_spaces.errors import check
from search_spaces.sweep_config import SweepConfig
from trainables.digest import digest_of
from trainables.model.architectures import max_positions
from trainables.model.loading import ModelFiles, load_checkpoint, load_config, load_pretrained, load_tokenizer
from trainables.tasks import get_task
from trainables.tasks.base import Inputs, Task
from trainables.tasks.token_cache import tokenized, tokenized_in
from tuner.fresh_data import ConfirmData, read_fresh
from tuner.recipe import recipe_digest

MOST_UNKNOWN = 0.05  # share of tokens: SST-2 has none with BERT's words; above it the words are another model's


@dataclass(frozen=True)
class SweepInputs:
    """Data as tokens, and what is known of the model."""

    tokenizer: Any
    train: Any | None  # Tokenized; None where nothing is fine-tuned
    validation: Any
    label_names: tuple[str, ...]  # the classes in the order of their numbers; none for question answering
    max_positions: int  # tokens
    checkpoint: ModelFiles | None  # where --checkpoint was given
    recipe_digest: str
    data_digest: str  # of the evaluation examples
    tokenising_cpu_s: float  # per evaluation example
    remarks: dict[str, int]  # what training leaves out or cannot use, and why: rule -> examples
    warnings: list[str]  # what looks odd and is not refused, as sentences
    fresh: ConfirmData | None = None  # of --confirm-data


def load_inputs(config: SweepConfig) -> SweepInputs:
    """Load and tokenise the examples of a sweep. UsageError for a task, data or a model that is not there, or does not
    fit the others (`trainables.model.checks`)."""
    task = get_task(config.task)
    data_dir = Path(config.data_dir) if config.data_dir else None
    tokenizer = load_tokenizer(config.source)
    examples = task.load("validation", data_dir, config.measuring.eval_examples)
    finetuned = not (config.checkpoint or config.random_weights)
    train = task.load("train", data_dir, config.finetuning.train_examples) if finetuned else None
    labels = task.label_names(examples if train is None else train)
    if train is not None:
        load_pretrained(config.model, task.head, labels, config.seeds[0])  # for its checks: fine-tuning loads it again
    checkpoint, warnings = load_checkpoint(config.checkpoint, task.head, labels) if config.checkpoint else (None, [])
    validation, tokenising_cpu_s = tokenized_in(task, examples, tokenizer)
    tokens = tokenized(task, train, tokenizer) if train is not None else None
    file = Path(config.confirm_data) if config.confirm_data else None
    fresh = read_fresh(file, task, examples, train, tokenizer) if file is not None else None
    model = load_config(config.source)
    positions = max_positions(model)
    _check_token_types(task.inputs(validation, min(positions, MAX_SEQ_LEN)), getattr(model, "type_vocab_size", None))
    return SweepInputs(
        tokenizer=tokenizer,
        train=tokens,
        validation=validation,
        label_names=labels,
        max_positions=positions,
        checkpoint=checkpoint,
        recipe_digest=recipe_digest(config, checkpoint, None if train is None else digest_of(train)),
        data_digest=digest_of(examples),
        tokenising_cpu_s=tokenising_cpu_s / len(examples),
        remarks=task.remarks(tokens, config.finetuning.train_max_seq_len) if train is not None else {},
        warnings=[*warnings, *_unknown_tokens(task, validation, tokenizer, min(positions, MAX_SEQ_LEN))],
        fresh=fresh,
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
