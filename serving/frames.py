"""Batches of fixed shape into which whatever comes is written: built, compiled and captured once, at load.

A frame is a staged `Batch` (`trainables.batches`) that the trial's own backend was built for. To run inputs, their
arrays are copied into its tensors and the backend runs it again; nothing is built anew when lengths change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch

from search_spaces.trial_config import TrialConfig
from serving.buffer import Buffer
from serving.shapes import Shape
from trainables import backends
from trainables.backends.program import kept
from trainables.batches import Arrays, Plan, batch_of, packed_arrays, padded_arrays, plan
from trainables.model.architectures import first_position, takes_staged_mask
from trainables.tasks.base import Inputs, Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Frames:
    """The frames of one model. Not thread-safe: they are written to."""

    def __init__(
        self, trial: TrialConfig, model: "PreTrainedModel", shapes: Sequence[Shape], typed: bool, pad_id: int
    ) -> None:
        """`typed`: inputs have token types. Builds the backend, and runs every frame once."""
        self.trial, self.device = trial, model.device
        self.packed = trial.padding == "packed"
        self.staged_mask, self.first = takes_staged_mask(model), first_position(model.config)
        # The largest first: smaller graphs then fit into the memory that its has left free.
        self.shapes = sorted(shapes, key=lambda s: (s.rows, s.width, s.longest, s.masked), reverse=True)
        empty = [_example(shape, self.packed, typed, pad_id) for shape in self.shapes]
        arrays = [self._arrays(e, np.arange(len(e.ids)), shape) for e, shape in zip(empty, self.shapes, strict=True)]
        self._buffers = [Buffer(each, self.device) for each in arrays]
        self.batches = [
            batch_of(buffer.tensors, shape.longest, shape.rows)
            for buffer, shape in zip(self._buffers, self.shapes, strict=True)
        ]
        with kept():
            self._run = backends.build(trial.backend, model, self.batches)
        for i in range(len(self.batches)):
            self._run(i)

    def plan(self, lengths: np.ndarray, waited: int | None = None) -> tuple[Plan, list[int]]:
        """Which inputs form which batch, and the number of the frame of each.

        `waited`: more inputs come, so a batch that is not full is left out, unless it holds one of the first `waited`
        inputs, which were left out before. None: every input is in a batch.
        """
        batches: list[np.ndarray] = []
        frames: list[int] = []
        for rows, full, frame in self._packed(lengths) if self.packed else self._padded(lengths):
            if full or waited is None or bool((rows < waited).any()):
                batches.append(rows)
                frames.append(frame)
        return Plan(self.trial.padding, tuple(batches), tuple(self.shapes[i].width for i in frames)), frames

    def _packed(self, lengths: np.ndarray) -> Iterator[tuple[np.ndarray, bool, int]]:
        """Batches, whether each is full, and the number of its frame."""
        limits = sorted({shape.longest for shape in self.shapes})
        for below, limit in zip([0, *limits], limits, strict=False):
            own = np.flatnonzero((lengths > below) & (lengths <= limit))
            largest = max((s for s in self.shapes if s.longest == limit), key=lambda shape: shape.rows)
            made = poured(lengths, own, largest.rows, largest.width)
            for number, rows in enumerate(made):
                yield rows, number < len(made) - 1, self._packed_frame(len(rows), int(lengths[rows].sum()), limit)

    def _padded(self, lengths: np.ndarray) -> Iterator[tuple[np.ndarray, bool, int]]:
        most = self.trial.batch_size
        for rows in plan(lengths, most, self.trial.max_seq_len, self.trial.padding).batches:
            yield rows, len(rows) == most, self._padded_frame(lengths[rows])

    def run(self, inputs: Inputs, rows: np.ndarray, frame: int) -> tuple[torch.Tensor, np.ndarray | None]:
        """The outputs of a batch, fp32 on the device and its own, not waited for; and a packed one's boundaries."""
        arrays = self._arrays(inputs, rows, self.shapes[frame])
        self._buffers[frame].write(arrays)
        return self._run(frame).to(torch.float32, copy=True), arrays.get("cu_seqlens")

    def _arrays(self, inputs: Inputs, rows: np.ndarray, shape: Shape) -> Arrays:
        if self.packed:
            fillers = ceil(shape.width / shape.longest)  # none is longer than an input may be, whatever is missing
            return packed_arrays(inputs, rows, shape.width, shape.rows, fillers, shape.longest, self.first)
        arrays = padded_arrays(inputs, rows, shape.width, self.staged_mask, shape.rows)
        if shape.masked and "attention_mask" not in arrays:  # full by chance, in a frame that need not be
            arrays["attention_mask"] = np.ones((shape.rows, 1, 1, shape.width), dtype=bool)
        return arrays

    def _padded_frame(self, lengths: np.ndarray) -> int:
        def fits(shape: Shape) -> bool:
            if not shape.masked and self.staged_mask:
                return shape.rows == len(lengths) and bool((lengths == shape.width).all())
            return shape.rows >= len(lengths) and shape.width >= lengths.max()

        found = [i for i, shape in enumerate(self.shapes) if fits(shape)]
        return min(found, key=lambda i: (self.shapes[i].masked, self.shapes[i].tokens))

    def _packed_frame(self, rows: int, tokens: int, limit: int) -> int:
        found = [i for i, s in enumerate(self.shapes) if s.longest == limit and s.rows >= rows and s.width >= tokens]
        return found[-1]  # the smallest


def poured(lengths: np.ndarray, rows: np.ndarray, slots: int, tokens: int) -> list[np.ndarray]:
    """`rows` in order, each batch filled until the next input would be one too many for `slots` or `tokens`."""
    ends = np.cumsum(lengths[rows])
    batches, at, used = [], 0, 0
    while at < len(rows):
        until = min(at + slots, int(np.searchsorted(ends, used + tokens, side="right")))
        batches.append(rows[at:until])
        at, used = until, int(ends[until - 1])
    return batches


def _example(shape: Shape, packed: bool, typed: bool, pad_id: int) -> Inputs:
    """Inputs of which a frame is made: whatever its tensors have, they have."""
    lengths = [min(shape.longest, shape.width)] if packed else [shape.width] * shape.rows
    if shape.masked:
        lengths = [shape.width - 1]
    ids = Ragged.from_lists([[pad_id] * n for n in lengths])
    types = replace(ids, values=np.zeros_like(ids.values)) if typed else None
    return Inputs(ids, types, np.arange(len(lengths)), pad_id)
