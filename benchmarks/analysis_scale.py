"""10,000 rows through `analysis`: load, Pareto, fit and tables within 3 s on 2 cores (`--limit`: other).

    python -m benchmarks.analysis_scale

A fresh process is timed, imports included. The report's own time is `analysis.report`'s to show.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT_S = 3.0
LENGTHS = (16, 24, 32, 40, 48, 64, 80, 96, 112, 128)
DEPTHS = tuple(range(1, 13))


def rows(count: int, seed: int = 0) -> Any:
    """A synthetic sweep in the documented columns: 10 lengths, 12 depths, 4 precisions, 21 replicates."""
    import numpy as np
    import pandas as pd

    from analysis.paired import encode_bits

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--distinct", action="store_true", help="every row a configuration of its own")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds; exit code 1 above it")
    parser.add_argument("--measure", type=Path, help="a CSV written before (what the fresh process is given)")
    arguments = parser.parse_args()
    if arguments.measure is not None:
        return _measure(arguments.measure, arguments.limit, arguments.distinct)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        table = rows(arguments.rows)
        if arguments.distinct:
            table["batch_size"] = 1 + table["replicate"]
            table["replicate"] = 0
        table.to_csv(file, index=False)
        command = [sys.executable, "-m", "benchmarks.analysis_scale", "--measure", str(file)]
        command += ["--limit", str(arguments.limit), *(["--distinct"] if arguments.distinct else [])]
        return subprocess.run(command, check=False).returncode


def _measure(file: Path, limit: float, distinct: bool) -> int:
    begin, begin_cpu = time.perf_counter(), time.process_time()

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start, busy = time.perf_counter(), time.process_time()
        result = step()
        wall, cpu = time.perf_counter() - start, time.process_time() - busy
        print(f"{name:<16}{wall:6.2f} s  ({cpu:.2f} s of CPU)")
        return result

    import analysis

    trials = timed("load", lambda: analysis.load(file))
    clean, _ = timed("valid", lambda: analysis.valid(trials))
    table = timed("configurations", lambda: analysis.configurations(clean))
    pair = ("accuracy", "energy_j_per_example")
    front = timed("pareto", lambda: analysis.pareto_set(table, pair))
    timed("hypervolume", lambda: analysis.hypervolume(table, pair))
    one = clean[clean["batch_size"] == clean["batch_size"].iloc[0]] if distinct else clean
    model = timed("fit", lambda: analysis.fit_energy(one))
    from analysis.write import pareto_table

    timed(
        "tables", lambda: analysis.write_tables(file.parent / "out", trials, pareto_table(front, pair), model)
    )
    total, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    print(
        f"{'total':<16}{total:6.2f} s  ({cpu:.2f} s of CPU), {len(trials)} rows, {len(table)} configurations"
    )
    timed("recommendation", lambda: analysis.recommend(trials))
    print(f"limit {limit:g} s: {'kept' if total <= limit else 'exceeded'}")
    return 0 if total <= limit else 1


if __name__ == "__main__":
    sys.exit(main())
