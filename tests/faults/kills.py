"""SIGKILL demo-sized drivers at random moments, and go on until they are finished: no row is lost, changed or doubled.

python -m tests.faults.kills --kills 30 --seed 1
"""

import argparse
import contextlib
import math
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import analysis
from tests.faults.harness import QUICK, TUNING, finish, kill, rows, start

GRID = ("--max-seq-len", "16", "24", "32", "--depth", "1", "2", "3", "4", "--precision", "fp32")
TRIALS = 12
DEMO = (*GRID, *TUNING, *QUICK, "--max-measure-s", "0.2")


@dataclass
class Kept:
    """What a run had written when it was last looked at: nothing of it may ever change."""

    folder: Path
    rows: dict[str, bytes] = field(default_factory=dict)  # trial -> its row file
    weights: dict[str, bytes] = field(default_factory=dict)  # file of a kept checkpoint -> content

    def look(self) -> None:
        """AssertionError where a row or weights are gone, changed, half written or there twice."""
        rows(self.folder)  # each is whole
        files = sorted(self.folder.glob("ray/measure-*/*/row.json"))
        names = [file.parent.name for file in files]
        assert len(set(names)) == len(names), f"measured twice: {names}"
        found = {file.parent.name: file.read_bytes() for file in files}
        weights = {str(f.relative_to(self.folder)): f.read_bytes() for f in self.folder.glob("checkpoints/*/*")}
        for before, now, what in ((self.rows, found, "row"), (self.weights, weights, "file")):
            lost = sorted(before.keys() - now.keys())
            assert not lost, f"a {what} was lost: {lost}"
            changed = [name for name, content in before.items() if now[name] != content]
            assert not changed, f"a {what} was changed: {changed}"
        self.rows, self.weights = found, weights


def begin(folder: Path) -> subprocess.Popen[str]:
    """A driver that goes on where there is a run, and starts one where there is none."""
    return start("--output-dir", str(folder), "--go-on", *DEMO)


def ends(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether the driver ends by itself within so many seconds, and then well."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    _, err = process.communicate()
    assert process.returncode == 0, err
    return True


def check_finished(kept: Kept) -> None:
    """Every trial has one row, and the table of the report says the same."""
    kept.look()
    sealed = rows(kept.folder)
    assert len(sealed) == TRIALS
    assert {row["status"] for row in sealed.values()} == {"ok"}
    table = analysis.load(kept.folder / "results.csv").set_index("trial_id")
    assert set(table.index) == set(sealed), "the table has other trials"
    for trial, row in sealed.items():
        for name in ("accuracy", "energy_j_per_example", "latency_ms_per_example", "started_at"):
            assert math.isclose(table.loc[trial, name], row[name]), f"{trial}: another {name} in the table"


def campaign(folder: Path, kills: int, seed: int) -> Iterator[str]:
    """Kill `kills` times, in as many runs as that takes; the last is finished, too. A line for each thing done."""
    rng = random.Random(seed)
    number, done = 0, 0
    kept = Kept(folder / "run-0")
    began = time.monotonic()
    finish(begin(kept.folder))  # how long a whole run takes here; kills fall anywhere within that
    whole_s = time.monotonic() - began
    check_finished(kept)
    yield f"a run takes {whole_s:.0f} s undisturbed"
    while done < kills:
        number += 1
        kept = Kept(folder / f"run-{number}")
        killed = 0
        while True:
            process = begin(kept.folder)
            after_s = rng.uniform(0.2, whole_s) if done < kills else 600.0
            if ends(process, after_s):
                break
            group = rng.random() < 0.5
            kill(process, group)
            done, killed = done + 1, killed + 1
            before = len(kept.rows)
            kept.look()
            who = "driver and all it started" if group else "driver"
            yield f"kill {done}: {who} after {after_s:.1f} s, {before} -> {len(kept.rows)} rows, none lost or changed"
        check_finished(kept)
        yield f"run {number} finished after {killed} kills: {TRIALS} rows, as written first"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for line in campaign(folder, asked.kills, asked.seed):
            print(line, flush=True)
    print(f"{asked.kills} kills, no row lost, changed or measured twice")


if __name__ == "__main__":
    main()
