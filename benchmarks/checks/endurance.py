"""Does a long run get slower or fatter? 500 demo trials in one run: memory of every process and overhead per trial.

    python -m benchmarks.checks.endurance --output DIR            # ten minutes on two cores
    python -m benchmarks.checks.endurance --read RUN --output DIR # of a run that was kept with --run RUN

The demo with very short windows runs as any sweep does, in a process of its own, while this one reads /proc once a
second: private memory (RssAnon: what a process allocated itself, not the shared object store) of the driver, of the
measuring process and of Ray's servers. A trial's overhead is what Tune and Ray spend between its end and the start of
the next.

Bars: memory per trial, fitted from trial 100 on (caches and allocators fill before that), at most what keeps a run of
10,000 trials below half a gigabyte for the driver, which keeps a record of every trial, and at most a tenth of that for
the measuring process, which should keep nothing; overhead of the last hundred trials at most 1.25 times that of the
first hundred. A machine that does something else besides blurs all of them.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import analysis
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.command import parse
from benchmarks.lib.output import table, write_json
from tuner.cli import run_command

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
SETTLED = 100  # trials after which memory is fitted, and the trials of the two hundreds
# The driver's bar allows Tune's record of each trial; docs/running.md says what is in it.
DRIVER_KIB_PER_TRIAL, WORKER_KIB_PER_TRIAL, OVERHEAD_RATIO = 52.0, 5.2, 1.25
LENGTHS, DEPTHS = ("16", "24", "32", "40", "48"), ("1", "2", "3", "4")
SETTINGS = """--precision fp32 --epochs 1 --train-examples 64 --eval-examples 16
    --warmup-s 0.01 --min-window-s 0.01 --min-windows 2 --min-total-s 0.02 --max-measure-s 0.03"""
# Name in the figure -> how its command line begins or what it contains.
PROCESSES = {
    "driver": "tuner.grid",
    "measuring process": "ray::",
    "raylet": "raylet/raylet",
    "GCS": "gcs/gcs_server",
    "dashboard": "dashboard/dashboard.py",
}


def run_sweep(folder: Path, trials: int) -> list[dict[str, float]]:
    """Run so many trials into a new folder; private memory in KiB of its processes over UNIX time, once a second."""
    configurations = len(LENGTHS) * len(DEPTHS)
    command = [sys.executable, "-m", "tuner.grid", "--output-dir", str(folder), *SETTINGS.split()]
    command += ["--max-seq-len", *LENGTHS, "--depth", *DEPTHS, "--replicates", str(-(-trials // configurations))]
    samples = []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        samples.append({"time_s": time.time()} | memory_kib(process.pid))
        time.sleep(1.0)
    if process.returncode != 0:
        raise SystemExit(f"the sweep ended with {process.returncode}; see {folder}")
    return samples


def memory_kib(root: int) -> dict[str, float]:
    """Private memory of a process and of what it started, by PROCESSES."""
    parents, found = {}, dict.fromkeys(PROCESSES, 0.0)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    for pid in parents:
        if pid != root and not _descends(pid, root, parents):
            continue
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue  # it has just ended
        name = next((n for n, words in PROCESSES.items() if words in command), None)
        if name == "measuring process" and ("IDLE" in command or "Agent" in command):
            continue
        if name:
            found[name] += next((float(x.split()[1]) for x in status.splitlines() if x.startswith("RssAnon")), 0.0)
    return found


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == root:
            return True
    return False


def by_trial(samples: list[dict[str, float]], rows: "pd.DataFrame") -> dict[str, np.ndarray]:
    """Samples taken while trials ran: `trial` (how many had ended) and KiB by process; NaN where there was none."""
    ends = np.sort((rows["started_at"] + rows["trial_s"]).to_numpy(float))
    time_s = np.array([s["time_s"] for s in samples])
    running = (time_s >= ends[0]) & (time_s <= ends[-1])
    found = {"trial": np.searchsorted(ends, time_s[running], side="right").astype(float)}
    for name in PROCESSES:
        kib = np.array([s[name] for s in samples])[running]
        found[name] = np.where(kib > 0, kib, np.nan)
    return found


def growth(trial: np.ndarray, kib: np.ndarray) -> tuple[float, float]:
    """KiB per trial from SETTLED on by least squares, and the half-width of its 95 % interval (jackknife)."""
    known = np.isfinite(kib) & (trial >= SETTLED)
    x, y = trial[known], kib[known]
    if len(x) < 20:
        return float("nan"), float("nan")
    slope = float(np.polyfit(x, y, 1)[0])
    # Memory moves in steps, so that residuals are not independent: the spread of slopes without one block each.
    blocks = np.array_split(np.arange(len(x)), 10)
    left_out = np.array([np.polyfit(np.delete(x, b), np.delete(y, b), 1)[0] for b in blocks])
    n = len(blocks)
    return slope, float(2.262 * np.sqrt((n - 1) / n * np.sum((left_out - np.mean(left_out)) ** 2)))


def overhead_s(rows: "pd.DataFrame") -> np.ndarray:
    """Seconds between the end of each trial and the start of the next, in their order."""
    ordered = rows.sort_values("started_at")
    start, trial_s = (ordered[column].to_numpy(float) for column in ("started_at", "trial_s"))
    gaps: np.ndarray = start[1:] - (start + trial_s)[:-1]
    return gaps


def summarise(memory: dict[str, np.ndarray], gaps: np.ndarray) -> tuple[dict[str, Any], list[Bar]]:
    """The numbers and the bars."""
    kib = {name: growth(memory["trial"], memory[name]) for name in PROCESSES}
    first, last = gaps[:SETTLED], gaps[-SETTLED:]
    payload = {
        "trials": len(gaps) + 1,
        "kib_per_trial": {name: {"slope": s, "ci95": c} for name, (s, c) in kib.items()},
        "mib_at_trial_100_and_last": {
            name: [float(np.nanmedian(part)) / 1024 for part in settled_and_last(memory["trial"], memory[name])]
            for name in PROCESSES
        },
        "overhead_s": {
            "first_hundred": {"median": float(np.median(first)), "mean": float(first.mean())},
            "last_hundred": {"median": float(np.median(last)), "mean": float(last.mean())},
        },
    }
    bars = [
        Bar("KiB per trial, driver", kib["driver"][0], DRIVER_KIB_PER_TRIAL),
        Bar("KiB per trial, measuring process", kib["measuring process"][0], WORKER_KIB_PER_TRIAL),
        Bar("overhead, last hundred over first (medians)", float(np.median(last) / np.median(first)), OVERHEAD_RATIO),
    ]
    return payload, bars


def settled_and_last(trial: np.ndarray, kib: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The readings of the 50 trials from SETTLED on, and of the last 50."""
    return kib[(trial >= SETTLED) & (trial < SETTLED + 50)], kib[trial >= trial.max() - 50]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    output: Path
    """Folder for endurance.json and endurance.png."""
    trials: int = 500
    """Rounded up to whole replicates of 20 configurations."""
    run: Path | None = None
    """Folder of the run, kept; none: a temporary one."""
    read: Path | None = None
    """A folder that --run kept: nothing is run."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(Arguments, "benchmarks.checks.endurance", __doc__, argv)
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


def draw(memory: dict[str, np.ndarray], gaps: np.ndarray, file: Path) -> None:
    """Memory since trial 100, and overhead, over the number of the trial."""
    # matplotlib and pandas, which --help does not wait for
    from analysis.figures.style import BLUE, GREEN, ORANGE, PAGE_WIDTH_IN, PURPLE, VERMILLION, new_figure, styled

    with styled():
        figure, (left, right) = new_figure(width_in=PAGE_WIDTH_IN, columns=2)
        for name, color in zip(PROCESSES, (BLUE, VERMILLION, GREEN, PURPLE, ORANGE), strict=True):
            level = np.nanmedian(settled_and_last(memory["trial"], memory[name])[0])
            if np.isfinite(level):
                label = f"{name} ({level / 1024:.0f} MiB)"
                left.plot(memory["trial"], (memory[name] - level) / 1024, color=color, lw=1.0, label=label)
        left.set_xlabel("Trials done")
        left.set_ylabel(f"Private memory against trial {SETTLED} (MiB)")
        left.legend(loc="upper left")
        number = np.arange(1, len(gaps) + 1)
        right.plot(number, gaps * 1e3, ".", color=BLUE, ms=2, alpha=0.5, label="one trial")
        width = min(51, len(gaps))
        rolling = [np.median(gaps[max(0, i - width // 2) : i + width // 2 + 1]) * 1e3 for i in range(len(gaps))]
        right.plot(number, rolling, color=VERMILLION, lw=1.2, label=f"median of {width}")
        right.set_ylim(0, 3 * float(np.percentile(gaps, 90)) * 1e3)
        right.set_xlabel("Trial")
        right.set_ylabel("Tune and Ray between two trials (ms)")
        right.legend(loc="upper right")
        figure.savefig(file)


if __name__ == "__main__":
    run_command(main)
