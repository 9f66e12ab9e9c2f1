"""Batches that hold inputs of two chunks: nothing is lost, mixed up or left waiting."""

from dataclasses import dataclass

import numpy as np
import pytest

from serving.engine import Running
from serving.flow import Flow
from serving.frames import poured
from trainables.batches import Plan
from trainables.tasks.base import Inputs, Ragged

BATCH = 4


def inputs_of(lengths):
    ids = Ragged.from_lists([[length] * length for length in lengths])
    return Inputs(ids, None, np.arange(len(lengths)), 0)


@dataclass
class Chunk:
    inputs: Inputs


class Fake:
    """Batches of four inputs, those of 9 tokens and more apart. The output of an input is its first token."""

    def __init__(self):
        self.batches = []

    def start(self, inputs, waited=None):
        lengths, batches = inputs.ids.lengths, []
        for own in (np.flatnonzero(lengths < 9), np.flatnonzero(lengths >= 9)):
            made = poured(lengths, own, BATCH, 10_000)
            batches += [r for i, r in enumerate(made) if i < len(made) - 1 or waited is None or (r < waited).any()]
        self.batches += [len(rows) for rows in batches]
        outputs = np.array([[inputs.ids[i][0]] for i in range(len(lengths))], dtype=np.float32)
        plan = Plan("packed", tuple(batches), (0,) * len(batches))
        return FakeRunning((), None, (), plan, len(lengths), 16, outputs)


@dataclass(frozen=True)
class FakeRunning(Running):
    made: np.ndarray = None

    def outputs(self):
        kept = np.full_like(self.made, np.nan)  # of what is not computed nothing is known
        kept[self.rows] = self.made[self.rows]
        return kept


def answers(chunks, engine):
    flow, found = Flow(engine), []
    for number, lengths in enumerate(chunks):
        flow.begin(Chunk(inputs_of(lengths)), more=number + 1 < len(chunks))
        while flow.running > 1:
            found += [(len(chunk.inputs.ids), out[:, 0].tolist()) for chunk, out in flow.end()]
    while flow.running:
        found += [(len(chunk.inputs.ids), out[:, 0].tolist()) for chunk, out in flow.end()]
    return found


def test_a_batch_holds_inputs_of_two_chunks():
    engine = Fake()
    chunks = [[1, 2, 3, 4, 5, 6], [1, 1, 2, 2, 3, 3], [7, 8]]
    assert answers(chunks, engine) == [(len(c), c) for c in chunks]
    assert engine.batches == [4, 4, 4, 2]


def test_a_long_input_keeps_the_others_waiting_for_one_chunk_at_most():
    engine = Fake()
    chunks = [[9, 1, 1, 1, 1], [1, 2, 3, 4], [5, 6, 7, 8], [1]]
    flow, at = Flow(engine), []
    for number, lengths in enumerate(chunks):
        flow.begin(Chunk(inputs_of(lengths)), more=number + 1 < len(chunks))
        while flow.running:
            at += [(number, out[:, 0].tolist()) for _, out in flow.end()]
    assert at[0] == (1, chunks[0]), "with the second chunk, though its batch had room"
    assert [values for _, values in at] == chunks


def test_what_waits_for_a_chunk_that_does_not_come_is_computed():
    engine = Fake()
    flow, found = Flow(engine), []
    flow.begin(Chunk(inputs_of([1, 2, 3, 4, 5, 6])), more=True)
    flow.finish()
    flow.finish()
    while flow.running:
        found += [out[:, 0].tolist() for _, out in flow.end()]
    assert found == [[1, 2, 3, 4, 5, 6]]
    assert engine.batches == [4, 2]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_every_input_has_its_own_output_in_order(seed):
    rng = np.random.default_rng(seed)
    chunks = [rng.integers(1, 16, size=rng.integers(1, 12)).tolist() for _ in range(rng.integers(1, 9))]
    engine = Fake()
    assert answers(chunks, engine) == [(len(c), c) for c in chunks]
    assert sum(engine.batches) == sum(map(len, chunks))
