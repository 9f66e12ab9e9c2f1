"""Chunks of inputs through an engine: a batch may hold inputs of two chunks, so that hardly any is part empty."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from serving.engine import Engine, Running
from trainables.batches import joined, take
from trainables.tasks.base import Inputs


class WithInputs(Protocol):
    @property
    def inputs(self) -> Inputs: ...


@dataclass
class _Open:
    """A chunk some of whose inputs have no output yet."""

    chunk: Any
    begin: int  # number of its first input, of all
    count: int
    missing: int
    outputs: np.ndarray = field(default_factory=lambda: np.empty(0))  # of their shape from the first on

    def put(self, numbers: np.ndarray, outputs: np.ndarray) -> None:
        own = (numbers >= self.begin) & (numbers < self.begin + self.count)
        if not len(self.outputs):
            self.outputs = np.empty((self.count, *outputs.shape[1:]), dtype=outputs.dtype)
        self.outputs[numbers[own] - self.begin] = outputs[own]
        self.missing -= int(own.sum())


class Flow:
    """Chunks begun and not yet answered. An input waits for a batch that it fills with others, but for one chunk at
    most: what is in memory is bounded, and a rare long text keeps no other waiting."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: deque[_Open] = deque()
        self._running: deque[tuple[Running, np.ndarray]] = deque()
        self._left: Inputs | None = None
        self._left_numbers = np.empty(0, dtype=np.int64)
        self._begun = 0  # inputs

    @property
    def running(self) -> int:
        """Launches whose outputs were not yet fetched."""
        return len(self._running)

    def begin(self, chunk: WithInputs, more: bool) -> None:
        """Launch a chunk. `more`: another follows, for which a batch that is not full may wait."""
        inputs, count = chunk.inputs, len(chunk.inputs.ids)
        numbers = np.concatenate([self._left_numbers, np.arange(self._begun, self._begun + count)])
        waited = len(self._left_numbers)
        if self._left is not None:
            inputs = joined(self._left, inputs)
        self._open.append(_Open(chunk, self._begun, count, missing=count))
        self._begun += count
        self._launch(inputs, numbers, waited if more else None)

    def finish(self) -> None:
        """Launch what waits: no chunk follows after all."""
        if self._left is not None:
            self._launch(self._left, self._left_numbers, None)

    def _launch(self, inputs: Inputs, numbers: np.ndarray, waited: int | None) -> None:
        """`waited`: of `Engine.start`; what it leaves waits."""
        running = self._engine.start(inputs, waited)
        left = np.setdiff1d(np.arange(len(numbers)), running.rows, assume_unique=True)
        self._left, self._left_numbers = take(inputs, left) if len(left) else None, numbers[left]
        if len(running.rows):
            self._running.append((running, numbers[running.rows]))

    def end(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Wait for the oldest launch; the chunks that it completes, in order, with their outputs."""
        running, numbers = self._running.popleft()
        outputs = running.outputs()[running.rows]
        for one in self._open:
            one.put(numbers, outputs)
        while self._open and not self._open[0].missing:
            done = self._open.popleft()
            yield done.chunk, done.outputs
