"""The shapes that an engine is built for: few enough to be captured and compiled at load, close enough to waste little.

The largest is the trial's own batch. Smaller ones are for what is left at the end, and for requests of a few texts.
"""

from dataclasses import dataclass
from math import ceil

from search_spaces.backends import BACKENDS
from search_spaces.trial_config import TrialConfig
from trainables.backends.program import FEW
from trainables.batches import MULTIPLE, round_up
from trainables.model.attention import SHORT

STEP, COMPILED_STEP = 4, 16  # from one number of rows to the next smaller one; each costs a compilation where compiled
# Inputs of a packed batch over the trial's: texts that are shorter than the sweep's use up its tokens, too.
ROOM = 2
MOST_WIDTHS = 16  # of padding longest; with the rows and one unmasked shape below backends.capture.MAX_GRAPHS


@dataclass(frozen=True)
class Shape:
    """`width`: tokens of a padded row, or of the whole packed batch. `longest`: tokens of an input, at most."""

    rows: int  # inputs, at most
    width: int
    longest: int
    masked: bool = False  # padded: not every token need be real

    @property
    def tokens(self) -> int:
        """Processed, whatever the batch holds; of a packed shape `width`."""
        return self.rows * self.width


def packed_shapes(trial: TrialConfig, tokens_per_batch: int, least_rows: int, kernels: bool) -> list[Shape]:
    """`tokens_per_batch`: the trial's. `kernels`: short and long inputs have kernels of their own, which a batch's
    longest input decides on."""
    limits = [SHORT, trial.max_seq_len] if kernels and trial.max_seq_len > SHORT else [trial.max_seq_len]
    share = tokens_per_batch / trial.batch_size
    rows = _rows(trial, least_rows)
    if BACKENDS[trial.backend].compiles and len(rows) * len(limits) > FEW:  # more would be one program for any shape
        rows = [rows[0], rows[-1]]
    return [Shape(ROOM * n, round_up(max(ceil(share * n), limit)), limit) for n in rows for limit in limits]


def padded_shapes(trial: TrialConfig, least_rows: int, staged_mask: bool) -> list[Shape]:
    """`staged_mask`: a batch that is full may come without a mask."""
    limit = trial.max_seq_len
    step = limit if trial.padding == "max_length" else round_up(ceil(limit / MOST_WIDTHS))
    widths = [*range(step, limit, step), limit]
    rows = _rows(trial, ceil(least_rows / MULTIPLE))
    if len(widths) > 1:  # each width for full batches, for a few texts and in between
        rows = sorted({rows[0], rows[len(rows) // 2], rows[-1]}, reverse=True)
    masked = [Shape(r, width, width, masked=True) for r in rows for width in widths]
    return [Shape(trial.batch_size, limit, limit), *masked] if staged_mask else masked


def _rows(trial: TrialConfig, least: int) -> list[int]:
    """Of the shapes, the largest first, down to `least` (at least 1)."""
    step = COMPILED_STEP if BACKENDS[trial.backend].compiles else STEP
    found, rows = [trial.batch_size], trial.batch_size // step
    while rows > least:
        found.append(rows)
        rows //= step
    return found if found[-1] <= max(least, 1) else [*found, max(least, 1)]
