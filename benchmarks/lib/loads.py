"""A steady load on the card: whole passes over the evaluation sentences."""

import time

import torch

from benchmarks.lib.shapes import SEED, Shape, trial_of
from search_spaces.sweep_config import Measuring
from trainables.device import free_memory
from trainables.energy.sampler import Sampler
from trainables.energy.trace import Trace
from trainables.load import cut, prepare
from trainables.window import Windows, measure
from trainables.worker import Worker


def windows_of(seconds: float, windows: int) -> Measuring:
    """Exactly so many windows, after a warm-up as long as one."""
    return Measuring(
        warmup_s=seconds,
        min_window_s=seconds,
        min_windows=windows,
        min_total_s=windows * seconds,
        max_measure_s=windows * seconds,
    )


class Load:
    """A model of one shape on the device, with its batches staged there."""

    def __init__(self, bench: Worker, shape: Shape, seed: int = SEED) -> None:
        free_memory(bench.device)
        self.bench, self.shape = bench, shape
        config = trial_of(bench, "", shape, 0, seed)
        inputs = bench.inputs(shape.tokens)
        self.examples = len(inputs.ids)  # per pass
        with torch.inference_mode():
            load = prepare(config, cut(config, bench.master(seed), bench.device), inputs)
        self.model, self.staged = load.model, load.staged
        self.run_pass = torch.inference_mode()(load.run_pass)

    def run_for(self, seconds: float) -> list[float]:
        """Passes for at least `seconds`, synchronised after each; their ends, the start first (s)."""
        self.bench.synchronize()
        edges = [time.perf_counter()]
        while edges[-1] - edges[0] < seconds:
            self.run_pass()
            self.bench.synchronize()
            edges.append(time.perf_counter())
        return edges

    def measure(self, settings: Measuring) -> tuple[Windows, Trace]:
        """The load measured exactly as a trial is, and the sensor's readings."""
        with Sampler(self.bench.meter) as sampler:
            windows = measure(self.run_pass, self.bench.synchronize, sampler, settings)
            return windows, sampler.trace()

    def examples_in(self, windows: Windows) -> int:
        """How many examples the windows hold together."""
        return self.examples * int(windows.passes.sum())
