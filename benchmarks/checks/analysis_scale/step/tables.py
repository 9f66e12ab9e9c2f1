"""From rows to tables, step by step."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import analysis
from analysis.report.write import pareto_table

T = TypeVar("T")


def timed(name: str, step: Callable[[], T]) -> T:
    """The step's result; its seconds are printed."""
    start, busy = time.perf_counter(), time.process_time()
    result = step()
    print(f"  {name:<16}{time.perf_counter() - start:6.2f} s  ({time.process_time() - busy:.2f} s of CPU)")
    return result


def measure(file: Path, distinct: bool) -> str:
    """Load, Pareto set, fit and tables; how much that was."""
    trials = timed("load", lambda: analysis.load(file))
    clean, _ = timed("valid", lambda: analysis.valid(trials))
    table = timed("configurations", lambda: analysis.configurations(clean))
    pair = ("accuracy", "energy_j_per_example")
    front = timed("pareto", lambda: analysis.pareto_set(table, pair))
    timed("hypervolume", lambda: analysis.hypervolume(table, pair))
    one = clean[clean["batch_size"] == clean["batch_size"].iloc[0]] if distinct else clean
    model = timed("fit", lambda: analysis.fit_energy(one))
    timed("tables", lambda: analysis.write_tables(file.parent / "out", trials, pareto_table(front, pair), model))
    return f"{len(trials)} rows, {len(table)} configurations"
