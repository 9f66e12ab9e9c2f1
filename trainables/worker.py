"""What a measuring process keeps between trials: device, meter, idle power, master weights, references, anchor.

One process per GPU serves the whole sweep (Tune reuses the actor), so everything here is paid for once.
"""

import gc
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.axes import MAX_SEQ_LEN
from search_spaces.sweep_config import Measuring
from trainables import backends
from trainables.batches import Batch
from trainables.device import accelerator, free_memory, set_precision, set_threads
from trainables.energy.idle import settled_idle_power_w
from trainables.energy.open_meter import meter_of
from trainables.energy.sampler import Sampler
from trainables.matmul_reference import matmul_pj_per_flop
from trainables.model import loading
from trainables.model.architectures import layer_list
from trainables.model.cut import cut
from trainables.tasks import get_task
from trainables.tasks.base import Inputs, Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The anchor: one fixed load on the sweep's own model, measured at a worker's start and every so many trials; its drift
# (not its level) is what can be compared. A CUDA graph, so that the host cannot slow it: launched eagerly it fell from
# 690 to 480 W when the host stalled (EXPERIMENTS.md, 2026-11-24).
ANCHOR_EVERY = 16
ANCHOR_TOKENS, ANCHOR_BATCH = 128, 256
ANCHOR_WARMUP_S, ANCHOR_WINDOW_S = 1.0, 2.0


@dataclass(frozen=True)
class MeasuringData:
    """What every measuring trial of a sweep shares, as plain arrays in the object store."""

    task: str
    validation: Any  # the task's Tokenized
    trained: bool  # False: random weights, accuracy would be noise
    settings: Measuring
    max_positions: int  # tokens


class Bench:
    """The state of one measuring process. `files` maps a seed to a function that fetches its ModelFiles; the model of
    `first_seed` is built at once."""

    def __init__(
        self,
        data: MeasuringData,
        files: dict[int, Callable[[], loading.ModelFiles]],
        cpus: int,
        first_seed: int | None = None,
    ) -> None:
        set_threads(cpus)
        self.data = data
        self.settings = data.settings
        self.task = get_task(data.task)
        self.device = accelerator()
        self.meter = meter_of(self.device, self.settings.assumed_watts)
        self.meter.read_in_child()
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self._files = files
        self._master: tuple[int, PreTrainedModel] | None = None
        # Importing the model's code takes up to ten seconds: meanwhile the card rests, and its idle power is read.
        with ThreadPoolExecutor(1) as beside:
            built = None if first_seed is None else beside.submit(self.master, first_seed)
            self.idle_power_w = settled_idle_power_w(self.meter)
            if built is not None:
                built.result()
        self._trials_since_anchor = ANCHOR_EVERY
        self._references: dict[str, float] = {}
        self.inputs = lru_cache(maxsize=16)(self._inputs)
        self.subset = lru_cache(maxsize=1)(self._subset)
        # Every trial collects garbage, so that no earlier one's memory is in its peak. What has been imported by now
        # stays for good; looking through it again took a third of a second per trial.
        gc.collect()
        gc.freeze()

    def master(self, seed: int) -> "PreTrainedModel":
        """The full model of a seed in fp32 on the host, rebuilt only when the seed changes."""
        if self._master is None or self._master[0] != seed:
            self._master = None
            self._master = (seed, loading.from_files(self._files[seed]()))
        return self._master[1]

    def _inputs(self, max_seq_len: int) -> Inputs:
        return self.task.inputs(self.data.validation, max_seq_len)

    def _subset(self) -> np.ndarray | None:
        """The examples of an energy pass: evenly spaced in the order of their lengths; None means all."""
        full = self.inputs(min(MAX_SEQ_LEN, self.data.max_positions))
        tokens = np.bincount(full.example, weights=full.ids.lengths)
        wanted = self.settings.energy_examples
        if wanted is None or wanted >= len(tokens):
            return None
        ranks = np.linspace(0, len(tokens) - 1, wanted).round().astype(int)
        return np.sort(np.argsort(tokens, kind="stable")[ranks])

    def energy_inputs(self, inputs: Inputs) -> Inputs:
        """The inputs of the energy windows: all, or those of the fixed subset of examples."""
        examples = self.subset()
        return inputs if examples is None else take(inputs, np.flatnonzero(np.isin(inputs.example, examples)))

    def synchronize(self) -> None:
        """Wait for the device; nothing to wait for on a CPU."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def reference_pj_per_flop(self, precision: str) -> float | None:
        """The matmul reference of this card, measured at the first trial of a precision; None on a CPU."""
        if self.device.type != "cuda":
            return None
        if precision not in self._references:
            self._references[precision] = matmul_pj_per_flop(precision, self.device, self.meter)
            free_memory(self.device)
        return self._references[precision]

    def anchor(self, seed: int) -> dict[str, Any] | None:
        """Measure the anchor when it is due (GPU only): gross J per example and mean W of a fixed load."""
        self._trials_since_anchor += 1
        if self.device.type != "cuda" or self._trials_since_anchor <= ANCHOR_EVERY:
            return None
        self._trials_since_anchor = 1
        import torch

        from trainables.window import measure

        master = self.master(seed)
        model = cut(master, len(layer_list(master)), set_precision("fp16"), self.device)
        tokens = min(ANCHOR_TOKENS, self.data.max_positions)
        generator = torch.Generator(self.device).manual_seed(0)
        ids = torch.randint(5, model.config.vocab_size, (ANCHOR_BATCH, tokens), device=self.device, generator=generator)
        batch = Batch(ids, None, None, None, None, None, max_seqlen=tokens, rows=ANCHOR_BATCH)
        started_at = time.time()
        with torch.inference_mode():
            run = backends.build("cuda_graph", model, [batch])

        @torch.inference_mode()
        def run_pass() -> None:
            run(0)

        settings = Measuring(
            warmup_s=ANCHOR_WARMUP_S,
            min_window_s=ANCHOR_WINDOW_S / 2,
            min_windows=2,
            min_total_s=ANCHOR_WINDOW_S,
            max_measure_s=ANCHOR_WINDOW_S,
        )
        with Sampler(self.meter) as sampler:
            windows = measure(run_pass, self.synchronize, sampler, settings)
        examples = ANCHOR_BATCH * int(windows.passes.sum())
        energy_j = float(np.sum(windows.energies.energy_j))
        return {
            "started_at": started_at,
            "gpu_uuid": self.meter.device.uuid,
            "worker": self.worker,
            "energy_j_per_example": energy_j / examples,
            "mean_power_w": energy_j / float(np.sum(windows.durations_s)),
            "temperature_c": windows.energies.temperature_end_c,
        }


def take(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """The inputs at `rows`, in that order."""

    def pick(ragged: Ragged) -> Ragged:
        lengths = ragged.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        values = np.concatenate([ragged[i] for i in rows]) if len(rows) else ragged.values[:0]
        return Ragged(values, offsets)

    token_types = None if inputs.token_types is None else pick(inputs.token_types)
    return Inputs(pick(inputs.ids), token_types, inputs.example[rows], inputs.pad_id)
