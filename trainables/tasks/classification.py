"""Classification of one text or of a pair: all such tasks are this class with another source of data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from search_spaces.errors import check
from trainables.tasks.base import Head, Inputs, Ragged, Scores, Split
from trainables.tasks.encodings import encodings
from trainables.tasks.known_words import KnownWords
from trainables.tasks.special_tokens import SpecialTokens, check_encoding
from trainables.tasks.truncation import longest_first
from trainables.tasks.tsv_file import read_tsv

COLUMNS = (("text", "label"), ("sentence", "label"), ("text1", "text2", "label"))  # of a user's own file


@dataclass(frozen=True)
class Examples:
    first: tuple[str, ...]
    second: tuple[str, ...] | None  # None: single texts
    labels: np.ndarray  # int64 (n,)
    label_names: tuple[str, ...]  # of the task, in the order of the numbers

    def __len__(self) -> int:
        return len(self.first)

    def head(self, limit: int | None) -> "Examples":
        """The first `limit` examples; all where there are fewer."""
        check(limit is None or limit >= 1, "the number of examples must be at least 1", limit, "leave it out for all")
        second = self.second[:limit] if self.second is not None else None
        return Examples(self.first[:limit], second, self.labels[:limit], self.label_names)

    def texts(self) -> list[tuple[str, ...]]:
        """What the model is asked, example by example."""
        return list(zip(*filter(None, (self.first, self.second)), strict=True))

    def take(self, rows: Sequence[int]) -> "Examples":
        """The examples of these numbers, one or more."""
        first, *second = zip(*(self.texts()[row] for row in rows), strict=True)
        return Examples(first, second[0] if second else None, self.labels[list(rows)], self.label_names)


class Source(Protocol):
    """Where a task's examples come from."""

    def __call__(self, split: Split, data_dir: Path | None) -> Examples: ...


@dataclass(frozen=True)
class Tokenized:
    """Untruncated token ids without special tokens."""

    first: Ragged
    second: Ragged | None
    labels: np.ndarray  # int64 (n,)
    special: SpecialTokens
    pad_id: int


@dataclass(frozen=True)
class ClassificationTask:
    """A `Task`. Accuracy is always a metric; "f1" is that of label 1 (for two labels)."""

    name: str
    source: Source
    metrics: tuple[str, ...] = ("accuracy",)
    head: Head = "sequence_classification"
    texts: tuple[str, ...] = ()  # what they are called, where that is always the same

    def load(self, split: Split, data_dir: Path | None = None, limit: int | None = None) -> Examples:
        return self.source(split, data_dir).head(limit)

    def load_file(self, path: Path, like: Examples) -> Examples:
        table = read_tsv(path)
        texts = 1 if like.second is None else 2
        known = ((*self.texts, "label"),) if self.texts else COLUMNS
        *columns, _ = table.require(*(names for names in known if len(names) == texts + 1))
        first, *second = (table.texts(column) for column in columns)
        labels = np.array(table.labels(like.label_names), dtype=np.int64)
        return Examples(first, second[0] if second else None, labels, like.label_names)

    def label_names(self, examples: Examples) -> tuple[str, ...]:
        return examples.label_names

    def text_columns(self, examples: Examples | None) -> tuple[str, ...]:
        if self.texts or examples is None:
            return self.texts
        return ("text",) if examples.second is None else ("text1", "text2")

    def examples_of(self, texts: Sequence[tuple[str, ...]]) -> Examples:
        first, *second = zip(*texts, strict=True)
        return Examples(first, second[0] if second else None, np.zeros(len(texts), dtype=np.int64), ())

    def tokenize(self, examples: Examples, tokenizer: Any) -> Tokenized:
        texts = [examples.first] if examples.second is None else [examples.first, examples.second]
        parts = [token_ids(column, tokenizer) for column in texts]
        special = SpecialTokens.of(tokenizer, pair=len(parts) == 2)
        check_encoding(special, tokenizer, texts, parts)
        lengths = special.count + np.sum([part.lengths for part in parts], axis=0)
        check(
            bool(lengths.all()),
            "every example must leave at least one token",
            " | ".join(column[int(lengths.argmin())] for column in texts)[:60],
            "the tokenizer knows nothing of it and adds no special token: take another model, or remove the line",
        )
        return Tokenized(
            first=parts[0],
            second=parts[1] if len(parts) == 2 else None,
            labels=examples.labels,
            special=special,
            pad_id=tokenizer.pad_token_id,
        )

    def inputs(self, tokenized: Tokenized, max_seq_len: int) -> Inputs:
        """The ids of `tokenizer(first, second, truncation=True, max_length=max_seq_len)`."""
        first, second = tokenized.first, tokenized.second
        room = max_seq_len - tokenized.special.count
        if second is None:
            first = _head(first, np.minimum(first.lengths, room))
        else:
            kept_first, kept_second = longest_first(first.lengths, second.lengths, room)
            first, second = _head(first, kept_first), _head(second, kept_second)
        ids, token_types = tokenized.special.wrap(first, second)
        return Inputs(ids, token_types, np.arange(len(ids)), tokenized.pad_id)

    def cut_short(self, tokenized: Tokenized, max_seq_len: int) -> np.ndarray:
        tokens = tokenized.first.lengths
        if tokenized.second is not None:
            tokens = tokens + tokenized.second.lengths
        longer: np.ndarray = tokens > max_seq_len - tokenized.special.count
        return longer

    def train_targets(self, tokenized: Tokenized, inputs: Inputs) -> dict[str, np.ndarray]:
        return {"labels": tokenized.labels[inputs.example]}

    def remarks(self, tokenized: Tokenized, max_seq_len: int) -> dict[str, int]:
        return {}  # a malformed line is a UsageError: nothing is left out

    def score(self, outputs: np.ndarray, tokenized: Tokenized, inputs: Inputs) -> Scores:
        """`outputs`: logits (n, labels). A row with a NaN predicts nothing and is wrong."""
        labels = tokenized.labels[inputs.example]
        predicted = np.where(np.isnan(outputs).any(axis=1), -1, outputs.argmax(axis=1))
        correct = predicted == labels
        metrics = {"accuracy": float(correct.mean())}
        if "f1" in self.metrics:
            metrics["f1"] = f1(predicted == 1, labels == 1)
        return Scores(metrics, correct, majority=float(np.bincount(labels).max() / len(labels)))

    def answers(
        self, outputs: np.ndarray, tokenized: Tokenized, inputs: Inputs, labels: Sequence[str]
    ) -> tuple[list[str], np.ndarray]:
        """`outputs`: logits (n, labels). The score is the label's probability (softmax)."""
        shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        best = outputs.argmax(axis=1)
        shares = shifted[np.arange(len(best)), best] / shifted.sum(axis=1)
        known = ~np.isnan(outputs).any(axis=1)
        texts = [labels[label] if ok else "" for label, ok in zip(best.tolist(), known.tolist(), strict=True)]
        return texts, np.where(known, shares, np.nan)


def token_ids(texts: Sequence[str], tokenizer: Any) -> Ragged:
    """Untruncated and without special tokens."""
    if isinstance(tokenizer, KnownWords):
        return tokenizer.token_ids(texts)
    return Ragged.from_lists([encoding.ids for encoding in encodings(texts, tokenizer)])


def f1(predicted: np.ndarray, actual: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN) over booleans; 0 where neither holds a positive."""
    positives = int(predicted.sum()) + int(actual.sum())
    return 2 * int((predicted & actual).sum()) / positives if positives else 0.0


def _head(sequences: Ragged, lengths: np.ndarray) -> Ragged:
    rows = np.arange(len(sequences))
    return sequences.slices(rows, np.zeros_like(rows), lengths)
