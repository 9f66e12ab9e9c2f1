"""The matmul reference: what a large matrix product costs on this card, in pJ per FLOP.

It is a reference, not a bound: it moves with clocks, power capping and operands (random here, since switching
power depends on the data).
"""

import time
from typing import TYPE_CHECKING

import numpy as np

from trainables.device import set_precision
from trainables.energy.sampler import Sampler
from trainables.energy.trace import window_energies

if TYPE_CHECKING:
    import torch

    from trainables.energy.meter import Meter

SIZE = 8192
WARMUP_S, WINDOW_S = 0.7, 1.3


def matmul_pj_per_flop(precision: str, device: "torch.device", meter: "Meter") -> float:
    """pJ/FLOP of an 8192-cube matrix product with normal operands, over about a second of load."""
    import torch

    dtype = set_precision(precision)
    generator = torch.Generator(device).manual_seed(0)
    a, b = (torch.randn(SIZE, SIZE, device=device, generator=generator).to(dtype) for _ in range(2))
    out = torch.empty(SIZE, SIZE, device=device, dtype=dtype)

    def run_for(seconds: float) -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            for _ in range(8):
                torch.mm(a, b, out=out)
            torch.cuda.synchronize(device)
            count += 8
        return count

    with Sampler(meter) as sampler:
        run_for(WARMUP_S)
        start = time.perf_counter()
        count = run_for(WINDOW_S)
        end = time.perf_counter()
        run_for(2.5 * meter.tick_s + meter.poll_s)
        sampler.cover(end)
        energies = window_energies(sampler.trace(), np.array([start, end]))
    return float(energies.energy_j[0]) / (count * 2 * SIZE**3) * 1e12
