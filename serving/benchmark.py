"""How fast a predictor answers from raw text, and at what energy: `serving.predict --benchmark`."""

import resource
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from search_spaces.errors import UsageError
from serving.predictor import Predictor
from trainables.device import accelerator, peak_memory_mib
from trainables.energy.open_meter import meter_of
from trainables.energy.sources import SOURCES
from trainables.energy.spent import metered

SECONDS = 10.0  # at least: a hundred ticks of a card's counter
MIB = 2**10  # kB of ru_maxrss


def benchmark(
    export: Path,
    texts: Sequence[tuple[str, ...]],
    device: str | None = None,
    backend: str | None = None,
    threads: int | None = None,
    seconds: float | None = None,
) -> str:
    """Lines of "what  number". UsageError without texts."""
    if not texts:
        raise UsageError("a benchmark needs texts, but the input has none; give some as they will come")
    on = accelerator() if device is None else torch.device(device)
    meter = meter_of(on)  # before the model: only so is what others compute on a card told apart
    try:
        start = time.perf_counter()
        predictor = Predictor.load(export, device=device, backend=backend, threads=threads)
        load_s = time.perf_counter() - start
        predictor.predict(texts[:1])
        first_ms = 1e3 * (time.perf_counter() - start - load_s)
        predictor.predict(texts)
        before = predictor.counts

        def passes() -> int:
            begin, done = time.perf_counter(), 0
            while time.perf_counter() - begin < (SECONDS if seconds is None else seconds):
                done += sum(1 for _ in predictor.stream(texts))
            return done

        done, spent = metered(meter, passes)
        source = SOURCES[meter.source]
    finally:
        meter.close()
    counts = predictor.counts
    tokens = (counts.tokens - before.tokens) / done
    how = source.words if source.measured else f"estimated, {source.words}"
    energy = "unknown: the sensor failed" if spent.energy_j is None else f"{spent.energy_j / done:.4g} ({how})"
    gpu = peak_memory_mib(on)
    lines = {
        "examples/s": f"{done / spent.seconds:.1f}",
        "J/example": energy,
        "tokenising, share of the time": f"{(counts.tokenising_s - before.tokenising_s) / spent.seconds:.2f}",
        "tokens/example": f"{tokens:.1f}",
        "cut to the limit": f"{100 * (counts.cut - before.cut) / done:.2f} %",
        "loading (s)": f"{load_s:.2f}",
        "first answer (ms)": f"{first_ms:.1f}",
        "host memory, peak (MiB)": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB:.0f}",
        "GPU memory, peak (MiB)": "no GPU" if gpu is None else f"{gpu:.0f}",
        "examples answered": f"{done} in {spent.seconds:.1f} s",
    }
    width = max(map(len, lines))
    return "\n".join([*(f"{name.ljust(width)}  {value}" for name, value in lines.items()), *predictor.differences])
