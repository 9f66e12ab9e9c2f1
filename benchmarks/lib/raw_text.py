"""What each way through a job of raw texts costs, what the staged configuration does, and the table of both."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.lib.output import table
from benchmarks.lib.raw_text_job import Job
from benchmarks.lib.raw_text_ways import PRODUCT, PUBLISHED, Answers, Way
from search_spaces.sweep_config import Measuring
from trainables.device import free_memory, peak_memory_mib, synchronize
from trainables.energy.sampler import Sampler
from trainables.energy.sources import SOURCES
from trainables.energy.spent import metered
from trainables.load import Load, cut, prepare
from trainables.model import loading
from trainables.window import measure

WARM_TEXTS = 2000


@dataclass(frozen=True)
class Found:
    """Per example; None where it is not known. `problem`: why a way did not finish."""

    name: str
    seconds: float | None = None
    energy_j: float | None = None
    load_s: float | None = None
    first_ms: float | None = None
    memory_mib: float | None = None  # of the GPU
    answers: Answers | None = None
    problem: str = ""

    def kept(self, job: Job) -> dict[str, Any]:
        """Numbers for a file."""
        left = {"name", "answers"}
        numbers = {k: v for k, v in vars(self).items() if k not in left}
        return {"name": self.name, "accuracy": job.share_right(self.answers)} | numbers


@dataclass(frozen=True)
class Staged:
    """The configuration as a trial measures it: J/example (None where no energy is known) and the outputs of one pass
    over the job's `inputs`, as of `Load.outputs`."""

    energy_j: float | None
    outputs: np.ndarray


def timed(job: Job, way: Way, seconds: float) -> Found:
    """A way loaded, warmed up and run over whole jobs. What fails is told and costs the others nothing."""
    free_memory(job.device)
    try:
        start = time.perf_counter()
        answer = way.load()
        synchronize(job.device)
        loaded = time.perf_counter()
        answer(job.texts[:1])
        first_s = time.perf_counter() - loaded
        answer(job.texts[:WARM_TEXTS])
        answers: list[Answers | None] = []

        def jobs() -> None:
            begin = time.perf_counter()
            while not answers or time.perf_counter() - begin < seconds:
                answers.append(answer(job.texts))
            synchronize(job.device)

        _, spent = metered(job.meter, jobs)
    except Exception as error:  # a foreign library may raise anything
        return Found(way.name, problem=" ".join(str(error).split())[:200] or type(error).__name__)
    count = len(answers) * len(job.texts)
    energy_j = None if spent.energy_j is None else spent.energy_j / count
    memory_mib = peak_memory_mib(job.device)
    return Found(way.name, spent.seconds / count, energy_j, loaded - start, 1e3 * first_s, memory_mib, answers[0])


def staged(job: Job, seconds: float) -> Staged:
    """Measured for that long, and one complete pass."""
    free_memory(job.device)
    settings = Measuring(
        warmup_s=min(2.0, seconds),
        min_window_s=seconds / 5,
        min_windows=5,
        min_total_s=seconds,
        max_measure_s=2 * seconds,
    )
    with torch.inference_mode():
        load: Load = prepare(job.trial, cut(job.trial, loading.from_files(job.files), job.device), job.inputs)
        with Sampler(job.meter) as sampler:
            windows = measure(load.run_pass, lambda: synchronize(job.device), sampler, settings)
        outputs = load.outputs()
    energy_j = float(np.sum(windows.energies.energy_j)) / (load.examples * int(windows.passes.sum()))
    return Staged(energy_j if np.isfinite(energy_j) else None, outputs)


def printed(job: Job, found: Sequence[Found]) -> str:
    """The table, and what did not finish."""
    ours = next((one.energy_j for one in found if one.name == PRODUCT), None)
    exact = next((one.answers for one in found if one.name == PUBLISHED), None)
    source = SOURCES[job.meter.source]
    rows = [
        (
            one.name,
            None if one.energy_j is None else 1e3 * one.energy_j,
            None if one.energy_j is None or not ours else f"{one.energy_j / ours:.3g} x",
            None if one.seconds is None else 1e6 * one.seconds,
            None if one.seconds is None else f"{1 / one.seconds:.0f}",
            one.load_s,
            one.first_ms,
            one.memory_mib,
            _agreement(one.answers, exact),
        )
        for one in found
        if not one.problem
    ]
    energy = "mJ/example" if source.measured else "mJ/example (estimated)"
    header = (
        "raw text to answers",
        energy,
        "over ours",
        "us/example",
        "1/s",
        "load s",
        "first ms",
        "GPU MiB",
        "as fp32",
    )
    left = [f"{one.name}: {one.problem}" for one in found if one.problem]
    limit = job.trial.max_seq_len
    device = f"{job.meter.device.name}, {len(job.texts)} texts, limit {limit} tokens, {job.trial.trial_id}"
    return "\n".join([device, table(header, rows), *left])


def _agreement(answers: Answers | None, exact: Answers | None) -> str | None:
    if answers is None or exact is None:
        return None
    return f"{100 * float((np.array(answers) == np.array(exact)).mean()):.2f} %"
