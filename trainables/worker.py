"""What a measuring process keeps between trials: device, meter, idle power, master weights, references, anchor.

One process per GPU serves the whole sweep (Tune reuses the actor), so everything here is paid for once.
"""

import copy
import gc
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.axes import MAX_SEQ_LEN
from search_spaces.sweep_config import MeasuringOptions
from trainables.anchor import measure_anchor
from trainables.batches import take
from trainables.device import accelerator, free_memory, set_threads, synchronize
from trainables.energy.idle import settled_idle_power_w
from trainables.energy.open_meter import meter_of
from trainables.energy.sources import SOURCES
from trainables.matmul_reference import matmul_pj_per_flop
from trainables.model import loading
from trainables.rows.digests import Digests
from trainables.tasks import get_task
from trainables.tasks.base import Inputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ANCHOR_EVERY = 16  # trials; the first is a worker's start


@dataclass(frozen=True)
class FreshData:
    """Labelled examples that nothing was chosen by (`tuner.fresh_data`)."""

    tokens: Any  # the task's Tokenized
    examples: int
    digest: str


@dataclass(frozen=True)
class MeasuringData:
    """What every measuring trial of a model shares, as plain arrays in the object store."""

    task: str
    validation: Any  # the task's Tokenized
    trained: bool  # False: random weights, accuracy would be noise
    settings: MeasuringOptions
    max_positions: int  # tokens
    digests: Mapping[int, Digests] = field(default_factory=dict)  # by seed; a load without rows needs none
    tokenising_cpu_s: float | None = None  # per example
    fresh: FreshData | None = None  # what fresh trials are scored on, too
    one_of_several: bool = False  # models of the sweep: rows say their FLOP, by which these are compared


class Worker:
    """The state of one measuring process, for one model (`beside`: for another). `files` maps a seed to a function that
    fetches its ModelFiles; the model of `first_seed` is built at once."""

    def __init__(
        self,
        data: MeasuringData,
        files: dict[int, Callable[[], loading.ModelFiles]],
        cpus: int,
        first_seed: int | None = None,
    ) -> None:
        set_threads(cpus)
        self.data = data
        self.task = get_task(data.task)
        self.device = accelerator()
        self.meter = meter_of(self.device, data.settings.assumed_watts)
        self.settings = data.settings.settled(measured=SOURCES[self.meter.source].measured)
        self.meter.read_in_child()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._files = files
        self._master: tuple[int, PreTrainedModel] | None = None
        # Importing the model's code takes up to ten seconds: meanwhile the card rests, and its idle power is read.
        with ThreadPoolExecutor(1) as beside:
            built = None if first_seed is None else beside.submit(self.master, first_seed)
            self.idle_power_w = settled_idle_power_w(self.meter)
            if built is not None:
                built.result()
        self._first: Worker = self
        self._anchored_on: str | None = None  # another model's name
        self._trials_since_anchor = ANCHOR_EVERY
        self._references: dict[str, float] = {}
        self.inputs = lru_cache(maxsize=16)(self._inputs)
        self.subset = lru_cache(maxsize=1)(self._subset)
        # Every trial collects garbage, so that no earlier one's memory is in its peak. What has been imported by now
        # stays for good; looking through it again took a third of a second per trial.
        gc.collect()
        gc.freeze()

    def beside(self, name: str, data: MeasuringData, files: dict[int, Callable[[], loading.ModelFiles]]) -> "Worker":
        """The same process for another model, with weights and tokens of its own. What is of the card stays one thing:
        meter, idle power, references, the anchor (on this worker's model, which is called `name`), and which examples
        an energy pass has."""
        other = copy.copy(self)
        other.data, other._files, other._master, other._anchored_on = data, files, None, name
        other.inputs = lru_cache(maxsize=16)(other._inputs)
        return other

    def master(self, seed: int) -> "PreTrainedModel":
        """The full model of a seed in fp32 on the host, rebuilt only when the seed changes."""
        if self._master is None or self._master[0] != seed:
            self._master = None
            self._master = (seed, loading.from_files(self._files[seed]()))
        return self._master[1]

    def _inputs(self, max_seq_len: int) -> Inputs:
        return self.task.inputs(self.data.validation, max_seq_len)

    def _subset(self) -> np.ndarray | None:
        """The examples of an energy pass; None means all."""
        wanted = self.settings.energy_examples
        return None if wanted is None else evenly_spaced(self.inputs(min(MAX_SEQ_LEN, self.data.max_positions)), wanted)

    def energy_inputs(self, inputs: Inputs) -> Inputs:
        """The inputs of the energy windows: all, or those of the fixed subset of examples."""
        examples = self.subset()
        return inputs if examples is None else take(inputs, np.flatnonzero(np.isin(inputs.example, examples)))

    def synchronize(self) -> None:
        """Wait for the device."""
        synchronize(self.device)

    def reference_pj_per_flop(self, precision: str) -> float | None:
        """The matmul reference of this card, measured at the first trial of a precision; None on a CPU."""
        if self.device.type != "cuda":
            return None
        if precision not in self._references:
            self._references[precision] = matmul_pj_per_flop(precision, self.device, self.meter)
            free_memory(self.device)
        return self._references[precision]

    def due_anchor(self, seed: int) -> dict[str, Any] | None:
        """`anchor` at the worker's start and every ANCHOR_EVERY trials; None in between, and on a CPU. It is always on
        the first model, and says so beside another's row."""
        first = self._first
        first._trials_since_anchor += 1
        if self.device.type != "cuda" or first._trials_since_anchor <= ANCHOR_EVERY:
            return None
        first._trials_since_anchor = 1
        return first.anchor(seed) | ({} if self._anchored_on is None else {"model": self._anchored_on})

    def anchor(self, seed: int) -> dict[str, Any]:
        """The fixed load on the model of a seed, measured now, on a GPU (`trainables.anchor`)."""
        return measure_anchor(self.master(seed), self.data.task, self.meter, self.device) | {"worker": self.name}


def evenly_spaced(inputs: Inputs, wanted: int) -> np.ndarray | None:
    """Numbers of so many examples, evenly spaced in the order of their lengths; None where there are no more than
    that. `inputs`: of all examples, uncut."""
    tokens = np.bincount(inputs.example, weights=inputs.ids.lengths)
    if wanted >= len(tokens):
        return None
    ranks = np.linspace(0, len(tokens) - 1, wanted).round().astype(int)
    return np.sort(np.argsort(tokens, kind="stable")[ranks])
