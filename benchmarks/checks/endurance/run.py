"""A long run of short trials, watched from outside through /proc."""

import json
import tempfile
from pathlib import Path
from typing import Any

import analysis
from benchmarks.checks.endurance import Arguments
from benchmarks.checks.endurance.figure import draw
from benchmarks.checks.endurance.growth import by_trial, overhead_s, summarise
from benchmarks.checks.endurance.watch import run_sweep
from benchmarks.lib.bars import judge, records
from benchmarks.lib.output import table, write_json


def run(arguments: Arguments) -> int:
    """Run or read, then keep the numbers, draw them, and judge the bars."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.read or arguments.run or Path(temporary) / "run"
        kept = folder / "memory.json"
        if not arguments.read:
            samples = run_sweep(folder, arguments.trials)
            kept.write_text(json.dumps(samples))
        rows = analysis.load(folder)
        rows = rows[rows["status"] == "ok"]
        memory, gaps = by_trial(json.loads(kept.read_text()), rows), overhead_s(rows)
    found, bars = summarise(memory, gaps)
    write_json(arguments.output, "endurance", found | {"bars": records(bars)})
    draw(memory, gaps, arguments.output / "endurance.png")
    _print(found)
    return judge(bars)


def _print(found: dict[str, Any]) -> None:
    print(
        table(
            ("process", "KiB per trial", "+-", "MiB at trial 100", "MiB at the end"),
            [
                (name, growth["slope"], growth["ci95"], *found["mib_at_trial_100_and_last"][name])
                for name, growth in found["kib_per_trial"].items()
            ],
        )
    )
    for name, part in found["overhead_s"].items():
        median, mean = part["median"] * 1e3, part["mean"] * 1e3
        print(f"overhead, {name.replace('_', ' ')}: median {median:.1f} ms, mean {mean:.1f} ms")
