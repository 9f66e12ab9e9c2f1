"""10,000 rows through `analysis` on 2 cores: load, Pareto, fit and tables in at most 3 s, the whole report
(bootstrap aside) in at most 15 s.

    python -m benchmarks.checks.analysis_scale

Each is timed in a fresh process, imports included.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import numpy as np
import tyro

import analysis
from benchmarks.lib.bars import Bar, judge
from benchmarks.lib.command import parse
from tuner.cli import run_command

if TYPE_CHECKING:
    import pandas as pd

MODULE = "benchmarks.checks.analysis_scale"
LIMITS_S = {"tables": 3.0, "report": 15.0}
LENGTHS = (16, 24, 32, 40, 48, 64, 80, 96, 112, 128)
DEPTHS = tuple(range(1, 13))
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    rows: int = 10_000
    """How many."""
    distinct: bool = False
    """Every row is a configuration of its own."""
    measure: Annotated[Literal["tables", "report"] | None, tyro.conf.Suppress] = None
    """What the fresh process does."""
    file: Annotated[Path, tyro.conf.Suppress] = Path("rows.csv")
    """What the fresh process reads."""


def rows(count: int, seed: int = 0) -> "pd.DataFrame":
    """A synthetic sweep in the documented columns: 10 lengths, 12 depths, 4 precisions, 21 replicates."""
    import pandas as pd  # here and below, so that --help does not wait for it

    from analysis.statistics.paired import encode_bits

    rng = np.random.default_rng(seed)
    i = np.arange(count)
    length = np.array(LENGTHS)[i % 10]
    depth = np.array(DEPTHS)[i // 10 % 12]
    precision = i // 120 % 4
    energy = (0.005 + 2e-5 * depth * length) / np.array([1.0, 3.5, 6.0, 6.2])[precision]
    accuracy = 0.93 - 0.3 * np.exp(-length / 12) - 0.03 * (12 - depth)
    right = rng.random((count, 1)) * 0.002 + accuracy[:, None]
    bits = [encode_bits(row) for row in rng.random(872)[None, :] < right]
    names = np.array(["fp32", "tf32", "bf16", "fp16"])[precision]
    return pd.DataFrame(
        {
            "trial_id": [f"t{n}" for n in i],
            "task": "sst2",
            "model": "bert-base",
            "seed": 42,
            "max_seq_len": length,
            "depth": depth,
            "precision": names,
            "batch_size": 64,
            "padding": "max_length",
            "backend": "eager",
            "replicate": i // 480,
            "status": "ok",
            "accuracy": accuracy,
            "correct_bits": bits,
            "examples": 872,
            "energy_j_per_example": energy * (1 + 0.01 * rng.standard_normal(count)),
            "energy_j_per_example_ci95": 0.005 * energy,
            "energy_source": "nvml_counter",
            "latency_ms_per_example": 2 * energy,
            "peak_gpu_memory_mib": 400 + length,
            "window_s": 2.0,
            "tokens_per_example": length.astype(float),
            "gpu_name": "H100",
            "gpu_uuid": "GPU-1",
            "flags": "",
        }
    )


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(Arguments, MODULE, __doc__, argv)
    if arguments.measure == "tables":
        return _tables(arguments.file, arguments.distinct)
    if arguments.measure == "report":
        return _report(arguments.file)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        table = rows(arguments.rows)
        if arguments.distinct:
            table["batch_size"] = 1 + table["replicate"]
            table["replicate"] = 0
        table.to_csv(file, index=False)
        missed = 0
        for what in LIMITS_S:
            command = [sys.executable, "-m", MODULE, "--measure", what, "--file", str(file)]
            command += ["--distinct"] if arguments.distinct else []
            missed |= subprocess.run(command, check=False).returncode
        return missed


def timed(name: str, step: Callable[[], T]) -> T:
    """The step's result; its seconds are printed."""
    start, busy = time.perf_counter(), time.process_time()
    result = step()
    print(f"  {name:<16}{time.perf_counter() - start:6.2f} s  ({time.process_time() - busy:.2f} s of CPU)")
    return result


def _tables(file: Path, distinct: bool) -> int:
    begin = time.perf_counter()
    from analysis.report.write import pareto_table  # its imports are timed

    trials = timed("load", lambda: analysis.load(file))
    clean, _ = timed("valid", lambda: analysis.valid(trials))
    table = timed("configurations", lambda: analysis.configurations(clean))
    pair = ("accuracy", "energy_j_per_example")
    front = timed("pareto", lambda: analysis.pareto_set(table, pair))
    timed("hypervolume", lambda: analysis.hypervolume(table, pair))
    one = clean[clean["batch_size"] == clean["batch_size"].iloc[0]] if distinct else clean
    model = timed("fit", lambda: analysis.fit_energy(one))
    timed("tables", lambda: analysis.write_tables(file.parent / "out", trials, pareto_table(front, pair), model))
    seconds = time.perf_counter() - begin
    return judge([Bar(f"tables of {len(trials)} rows, {len(table)} configurations (s)", seconds, LIMITS_S["tables"])])


def _report(file: Path) -> int:
    begin = time.perf_counter()
    from analysis.report.build import build_report  # its imports are timed

    report = build_report([file], bootstrap=False)
    seconds = time.perf_counter() - begin
    size = report.html.stat().st_size / 1e6
    what = f"report of {len(report.figures)} figure files, report.html of {size:.1f} MB (s)"
    return judge([Bar(what, seconds, LIMITS_S["report"])])


if __name__ == "__main__":
    run_command(main)
