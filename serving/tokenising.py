"""Texts to the inputs of a model, chunk by chunk; here, where the predictor is, or in a process beside it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainables.tasks.base import Inputs, Task


@dataclass(frozen=True)
class Chunk:
    """Texts, one after the other, as their task has them."""

    tokenized: Any
    inputs: Inputs


@dataclass(frozen=True)
class Prepared:
    """As many of a chunk's texts as were tokenised, and why the next could not be."""

    chunk: Chunk | None  # None where the first could not
    texts: int  # that it holds
    cut: int  # of these lost text to the limit
    spent_s: float
    problem: BaseException | None = None


@dataclass(frozen=True)
class Tokeniser:
    """Of one export. Thread-safe."""

    task: Task
    tokenizer: Any
    max_seq_len: int

    def prepared(self, texts: Sequence[tuple[str, ...]]) -> Prepared:
        """The texts before the first one at which the tokenizer fails, found by halving."""
        start = time.perf_counter()
        chunk: Chunk | None = None
        problem: BaseException | None = None
        good, tried, bad = 0, len(texts), len(texts) + 1
        while good < tried:
            try:
                chunk, good = self._chunk(texts[:tried]), tried
            except BaseException as error:  # a panic of a tokenizer in Rust is no Exception
                problem, bad = error, tried
            tried = (good + bad) // 2
        cut = 0 if chunk is None else int(self.task.cut_short(chunk.tokenized, self.max_seq_len).sum())
        return Prepared(chunk, good, cut, time.perf_counter() - start, problem)

    def _chunk(self, texts: Sequence[tuple[str, ...]]) -> Chunk:
        tokenized = self.task.tokenize(self.task.examples_of(texts), self.tokenizer)
        return Chunk(tokenized, self.task.inputs(tokenized, self.max_seq_len))
