"""Does the predictor answer what the trial answered, in whatever order and company a text comes?

Logits of another batch differ in their last digits, so an answer may differ where the trial itself was of two minds. A
margin says how much: by how many logits it preferred its own answer to the predictor's. If no logit differs by more
than d, no answer of a margin of 2 d or more can differ.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from benchmarks.lib.raw_text_job import Job
from benchmarks.lib.raw_text_ways import Texts
from serving.predictor import Predictor
from trainables.tasks.base import Inputs
from trainables.tasks.squad import SquadTask

SHOWN = 20  # of the examples that differ


@dataclass(frozen=True)
class Agreement:
    """Of the trial's outputs and the predictor's, over all orders that were tried."""

    compared: int  # answers
    largest_difference: float  # of two logits of one text (of questions: of one token)
    logit_range: float  # of the trial's logits
    differing: Sequence[tuple[int, float]]  # (number of the example, the trial's margin), once for each order

    @property
    def relative_difference(self) -> float | None:
        return self.largest_difference / self.logit_range if self.logit_range > 0 else None

    @property
    def unexplained(self) -> int:
        """Answers that differ though the margin is at or above twice the largest difference."""
        return sum(not margin < 2 * self.largest_difference for _, margin in self.differing)

    def __str__(self) -> str:
        margins = ", ".join(f"{number} ({margin:.3g})" for number, margin in self.differing[:SHOWN])
        more = len(self.differing) - SHOWN
        listed = f": example (margin) {margins}" + (f" and {more} more" if more > 0 else "") if margins else ""
        return (
            f"predictor against trial, {self.compared} answers in random order and in calls of 1, 2, 4, ... texts: "
            f"largest logit difference {self.largest_difference:.3g} (their range: {self.logit_range:.3g}); "
            f"{len(self.differing)} differ, {self.unexplained} of them at a margin of twice that or more{listed}"
        )

    def kept(self) -> dict[str, Any]:
        return vars(self) | {"unexplained": self.unexplained}


def compared(job: Job, outputs: np.ndarray, seed: int = 0) -> Agreement:
    """`outputs`: the trial's, of `Staged`. The predictor answers every example twice: in one stream in random order,
    and in another order in calls of growing size."""
    predictor = Predictor.load(job.export, device=job.device.type)
    texts, rng = job.examples.texts(), np.random.default_rng(seed)
    trials_own, _ = job.task.answers(outputs, job.tokenized, job.inputs, predictor.bundle.labels)
    real = _real(job.inputs, outputs)
    largest, differing, known = 0.0, [], np.isfinite(outputs) & real
    for sizes in ([len(texts)], [2**n for n in range(job.trial.batch_size.bit_length() + 1)]):
        order = rng.permutation(len(texts))
        answers, parts = [], []
        for call in _calls([texts[i] for i in order], sizes):
            for chunk, part in predictor.computed(call):
                answers += [prediction.answer for prediction in predictor.answered(chunk, part)]
                parts.append(part)
        theirs = _restored(np.concatenate(parts), order, job.inputs)
        # What is a number in the one and not in the other differs by more than any number.
        gaps = np.where(np.isfinite(theirs), np.abs(outputs - theirs), np.inf)[known]
        largest = max(largest, float(gaps.max(initial=0.0)))
        margin = margins(job, outputs, theirs)
        told = [trials_own[i] != answer for i, answer in zip(order, answers, strict=True)]
        differing += [(int(i), float(margin[i])) for i in np.sort(order[told])]
    found = outputs[known]
    return Agreement(2 * len(texts), largest, float(np.ptp(found)) if found.size else 0.0, differing)


def margins(job: Job, own: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Logits by which outputs `own` prefer their own answer to that of `theirs`: float (examples,), 0 where the two are
    one. A span has two logits, so half the difference of their sums; NaN where either has no answer."""
    if not isinstance(job.task, SquadTask):
        rows = np.arange(len(own))
        preferred: np.ndarray = own[rows, own.argmax(axis=1)] - own[rows, theirs.argmax(axis=1)]
        return preferred
    best, other = (job.task.spans(outputs, job.tokenized, job.inputs) for outputs in (own, theirs))
    value = own[other.window, other.first, 0] + own[other.window, other.last, 1]
    answered = (best.window >= 0) & (other.window >= 0)
    return np.where(answered, (best.value - value) / 2, np.nan)


def _calls(texts: Texts, sizes: Sequence[int]) -> Iterator[Texts]:
    begin = 0
    for size in cycle(sizes):
        if begin >= len(texts):
            return
        yield texts[begin : begin + size]
        begin += size


def _restored(outputs: np.ndarray, order: np.ndarray, inputs: Inputs) -> np.ndarray:
    """Outputs of the inputs of the examples `order`, in the order of the `inputs`."""
    counts = np.bincount(inputs.example)
    first = np.cumsum(counts) - counts
    rows = np.concatenate([np.arange(first[i], first[i] + counts[i]) for i in order])
    restored = np.empty_like(outputs)
    restored[rows] = outputs
    return restored


def _real(inputs: Inputs, outputs: np.ndarray) -> np.ndarray:
    """bool, like the outputs: of classes all; of tokens those that an input has."""
    if outputs.ndim == 2:
        return np.ones_like(outputs, dtype=bool)
    shown: np.ndarray = np.arange(outputs.shape[1]) < inputs.ids.lengths[:, None]
    return np.repeat(shown[..., None], outputs.shape[2], axis=2)
