"""A steady load on the card: whole passes over the evaluation sentences."""

import time

import torch

from benchmarks.lib.shapes import SEED, Shape
from search_spaces.sweep_config import Measuring
from trainables import backends, batches
from trainables.device import free_memory, set_precision
from trainables.energy.sampler import Sampler
from trainables.energy.trace import Trace
from trainables.model.architectures import first_position, layer_list, takes_staged_mask
from trainables.model.cut import cut
from trainables.window import Windows, measure
from trainables.worker import Bench


class Load:
    """A model of one shape on the device, with its batches staged there."""

    def __init__(self, bench: Bench, shape: Shape, seed: int = SEED) -> None:
        free_memory(bench.device)
        self.bench, self.shape = bench, shape
        dtype = set_precision(shape.precision)
        master = bench.master(seed)
        self.model = cut(master, len(layer_list(master)), dtype, bench.device)
        inputs = bench.inputs(shape.tokens)
        plan = batches.plan(inputs.ids.lengths, shape.batch, shape.tokens, "max_length")
        self.examples = len(inputs.ids)  # per pass
        with torch.inference_mode():
            self.staged = batches.stage(
                inputs, plan, bench.device, takes_staged_mask(self.model), first_position(self.model.config)
            )
            self._run = backends.build(shape.backend, self.model, self.staged)
        bench.synchronize()
        self.run_pass = torch.inference_mode()(self._pass)

    def _pass(self) -> None:
        for i in range(len(self.staged)):
            self._run(i)

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
