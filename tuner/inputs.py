"""What a sweep reads from disk or hub: before Ray starts, so that bad input ends it before any trial."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.sweep_config import SweepConfig
from trainables.model.architectures import max_positions
from trainables.model.loading import ModelFiles, load_checkpoint, load_config, load_tokenizer
from trainables.tasks import get_task
from trainables.tasks.token_cache import tokenized


@dataclass(frozen=True)
class SweepInputs:
    """Data as tokens, and what is known of the model."""

    tokenizer: Any
    train: Any | None  # Tokenized; None where nothing is fine-tuned
    validation: Any
    num_labels: int
    max_positions: int  # tokens
    checkpoint: ModelFiles | None  # where --checkpoint was given
    remarks: dict[str, int]  # what training leaves out or cannot use, and why: rule -> examples


def load_inputs(config: SweepConfig) -> SweepInputs:
    """Load and tokenise the examples of a sweep. UsageError for a task, data or a model that is not there."""
    task = get_task(config.task)
    data_dir = Path(config.data_dir) if config.data_dir else None
    source = config.checkpoint or config.model
    tokenizer = load_tokenizer(source)
    validation = task.load("validation", data_dir, config.measuring.eval_examples)
    finetuned = not (config.checkpoint or config.random_weights)
    train = task.load("train", data_dir, config.finetuning.train_examples) if finetuned else None
    num_labels = task.num_labels(validation if train is None else train)
    checkpoint = load_checkpoint(config.checkpoint, task.head) if config.checkpoint else None
    tokens = tokenized(task, train, tokenizer) if train is not None else None
    return SweepInputs(
        tokenizer=tokenizer,
        train=tokens,
        validation=tokenized(task, validation, tokenizer),
        num_labels=num_labels,
        max_positions=max_positions(load_config(source)),
        checkpoint=checkpoint,
        remarks=task.remarks(tokens, config.finetuning.train_max_seq_len) if train is not None else {},
    )
