"""What a task is: how its data are loaded, tokenised once, cut to a length, and scored.

Data flow: `load` -> Examples (text) -> `tokenize` -> Tokenized (untruncated ids; once per task and tokenizer,
shared between trials as plain numpy arrays) -> `inputs` -> Inputs (ids cut to `max_seq_len`, special tokens
added; cheap, per trial) -> the model -> `score`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

Split = Literal["train", "validation"]
Head = Literal["sequence_classification", "question_answering"]


@dataclass(frozen=True)
class Ragged:
    """Sequences of different lengths in one array: sequence i is `values[offsets[i]:offsets[i + 1]]`."""

    values: np.ndarray  # int32, shape (total,)
    offsets: np.ndarray  # int64, shape (n + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> np.ndarray:
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    @classmethod
    def from_lists(cls, sequences: list[list[int]]) -> "Ragged":
        offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
        np.cumsum([len(s) for s in sequences], out=offsets[1:])
        values = np.fromiter((t for s in sequences for t in s), dtype=np.int32, count=int(offsets[-1]))
        return cls(values, offsets)


@dataclass(frozen=True)
class Inputs:
    """What the model sees: n inputs with special tokens, none longer than the limit, not yet padded."""

    ids: Ragged
    token_types: Ragged | None  # same offsets as ids; None where the architecture has none
    example: np.ndarray  # int64 (n,): the example each input belongs to
    pad_id: int


@dataclass(frozen=True)
class Scores:
    """The metrics of one complete pass; `correct[i]` is the per-example correctness behind `accuracy`."""

    metrics: dict[str, float]  # "accuracy", and "f1" or "exact_match" where the task has them
    correct: np.ndarray  # bool (examples,)


class Task(Protocol):
    """One file per task. `Tokenized` is the task's own frozen dataclass of numpy arrays (picklable)."""

    name: str
    head: Head
    metrics: tuple[str, ...]

    def load(self, split: Split, data_dir: Path | None, limit: int | None) -> Any:
        """Examples of a split (the first `limit`), from local files or, without `data_dir`, from the hub.

        Raises UsageError for missing or malformed files (file and line) and for an unreachable hub.
        """
        ...

    def num_labels(self, examples: Any) -> int: ...

    def tokenize(self, examples: Any, tokenizer: Any) -> Any:
        """Untruncated token ids with labels: everything later steps need, as numpy arrays."""
        ...

    def inputs(self, tokenized: Any, max_seq_len: int) -> Inputs: ...

    def train_targets(self, tokenized: Any, inputs: Inputs) -> dict[str, np.ndarray]:
        """Keyword arguments of the model's loss, one entry per input: `labels`, or span positions."""
        ...

    def score(self, outputs: np.ndarray, tokenized: Any, inputs: Inputs) -> Scores:
        """`outputs`: float32 (n inputs, labels), or (n inputs, max_seq_len, 2) for question answering."""
        ...
