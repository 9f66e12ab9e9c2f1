"""The matmul reference: what a large matrix product costs on this card, in pJ per FLOP.

It is a reference, not a bound: it moves with clocks, power capping and operands (random here, since switching
power depends on the data).
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from trainables.device import set_precision
from trainables.energy.meter import Meter
from trainables.energy.sampler import Sampler
from trainables.energy.windows import window_energies
from trainables.model import quantized
from trainables.rows.flags import IMPLAUSIBLE

SIZE = 8192
WARMUP_S, WINDOW_S = 0.7, 1.3


def matmul_pj_per_flop(precision: str, device: torch.device, meter: Meter) -> float:
    """pJ/FLOP of an 8192-cube matrix product with normal operands, over about a second of load.

    Of 8-bit operands it is the product alone, quantised beforehand; an operation counts as in fp16.
    `BackendError` where the device has no such product.
    """
    product = matmul(set_precision(precision), device)

    def run_for(seconds: float) -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            for _ in range(8):
                product()
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
    energy_j = float("nan") if energies.flags & IMPLAUSIBLE else float(energies.energy_j[0])
    return energy_j / (count * 2 * SIZE**3) * 1e12


def matmul(dtype: torch.dtype, device: torch.device, size: int = SIZE) -> Callable[[], torch.Tensor]:
    """The product (size, size) @ (size, size) of normal operands in `dtype`, by the kernel the encoder uses."""
    generator = torch.Generator(device).manual_seed(0)
    a, b = (torch.randn(size, size, device=device, generator=generator) for _ in range(2))
    if dtype.itemsize == 1:
        return quantized.product(a, b, dtype)
    out = torch.empty(size, size, device=device, dtype=dtype)
    return partial(torch.mm, a.to(dtype), b.to(dtype), out=out)
