"""What a task is: how its data are loaded, tokenised once, cut to a length, and scored.

Data flow: `load` -> Examples (text) -> `tokenize` -> Tokenized (untruncated ids; once per task and tokenizer,
shared between trials as plain numpy arrays) -> `inputs` -> Inputs (ids cut to `max_seq_len`, special tokens
added; cheap, per trial) -> the model -> `score`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
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

    def slices(self, rows: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> "Ragged":
        """Row i of the result: `lengths[i]` values of sequence `rows[i]`, from its position `starts[i]`."""
        offsets = _offsets(lengths)
        source = _positions(self.offsets[rows] + starts, offsets)
        return Ragged(self.values[source], offsets)

    @classmethod
    def from_lists(cls, sequences: Sequence[Sequence[int]]) -> "Ragged":
        offsets = _offsets(np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences)))
        values = np.fromiter(chain.from_iterable(sequences), dtype=np.int32, count=int(offsets[-1]))
        return cls(values, offsets)

    @classmethod
    def join(cls, *parts: "Ragged") -> "Ragged":
        """Row by row, the sequences of all parts one after the other."""
        offsets = _offsets(np.sum([part.lengths for part in parts], axis=0))
        values = np.empty(offsets[-1], dtype=np.int32)
        starts = offsets[:-1].copy()
        for part in parts:
            values[_positions(starts, part.offsets)] = part.values
            starts += part.lengths
        return cls(values, offsets)


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _positions(starts: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """starts[0], starts[0] + 1, ... for the length of row 0, then the same for row 1, ..."""
    return np.repeat(starts - offsets[:-1], np.diff(offsets)) + np.arange(offsets[-1])


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
    majority: float | None = None  # share of the commonest class; None where there are no classes


class Task(Protocol):
    """One file per task. `Tokenized` is the task's own frozen dataclass of numpy arrays (picklable)."""

    @property
    def name(self) -> str: ...
    @property
    def head(self) -> Head: ...
    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the scores, "accuracy" first."""
        ...

    def load(self, split: Split, data_dir: Path | None, limit: int | None) -> Any:
        """Examples of a split (the first `limit`), from local files or, without `data_dir`, from the hub.

        Raises UsageError for missing or malformed files (file and line) and for an unreachable hub.
        """
        ...

    def load_file(self, path: Path, like: Any) -> Any:
        """All labelled examples of a local file in the form of the task's evaluation file, with the classes and the
        number of texts of `like`, other examples of the task. UsageError as `load`."""
        ...

    def label_names(self, examples: Any) -> tuple[str, ...]:
        """The classes in the order of their numbers; empty where the head does not classify."""
        ...

    def text_columns(self, examples: Any | None) -> tuple[str, ...]:
        """What the texts of one input are called: ("question", "context"). Empty where only examples tell, and there
        are none."""
        ...

    def examples_of(self, texts: Sequence[tuple[str, ...]]) -> Any:
        """Examples without labels, to be answered and not scored: a tuple of `text_columns` each."""
        ...

    def tokenize(self, examples: Any, tokenizer: Any) -> Any:
        """Untruncated token ids with labels: everything later steps need, as numpy arrays."""
        ...

    def inputs(self, tokenized: Any, max_seq_len: int) -> Inputs: ...

    def cut_short(self, tokenized: Any, max_seq_len: int) -> np.ndarray:
        """bool (examples,): which lose some of their text to the limit."""
        ...

    def train_targets(self, tokenized: Any, inputs: Inputs) -> dict[str, np.ndarray]:
        """Keyword arguments of the model's loss, one entry per input: `labels`, or span positions."""
        ...

    def remarks(self, tokenized: Any, max_seq_len: int) -> dict[str, int]:
        """What training on `max_seq_len` tokens leaves out or cannot use, and why: rule -> number of examples.

        Shown to the user and kept with the run; empty where every example is used as it is. What `load` left
        out must therefore be in `tokenized`.
        """
        ...

    def score(self, outputs: np.ndarray, tokenized: Any, inputs: Inputs) -> Scores:
        """`outputs`: float32 (n inputs, labels), or (n inputs, max_seq_len, 2) for question answering."""
        ...

    def answers(
        self, outputs: np.ndarray, tokenized: Any, inputs: Inputs, labels: Sequence[str]
    ) -> tuple[list[str], np.ndarray]:
        """What each example is answered (of `label_names`, or a text), and that answer's score, float (examples,); NaN,
        with an empty answer, where the model computed no number. `outputs` as of `score`."""
        ...
