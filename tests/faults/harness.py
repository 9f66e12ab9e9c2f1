"""Runs of the demo in processes of their own, faults in them, and what their folders hold."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INJECT = Path(__file__).resolve().parent / "inject"

GRID = ("--max-seq-len", "16", "24", "--depth", "1", "2", "3", "--precision", "fp32")  # 6 trials
TUNING = ("--epochs", "2", "--train-examples", "64")
QUICK = ("--eval-examples", "40", "--warmup-s", "0.05", "--min-window-s", "0.05", "--min-total-s", "0.15")
TIMES = (*QUICK, "--max-measure-s", "0.2")
DEMO = (*GRID, *TUNING, *TIMES)  # with a fine-tuning
TRIALS = 6
STARTED: list[subprocess.Popen[str]] = []  # whatever a test leaves running is ended after it


def without_tuning(model: Path) -> tuple[str, ...]:
    """The demo with a model that is there: half the time."""
    return (*GRID, *TIMES, "--checkpoint", str(model))


def fault(at: str, do: str, marks: Path, **more: Any) -> dict[str, Any]:
    """A fault (`inject/sitecustomize.py`); `marks` is made."""
    marks.mkdir(parents=True, exist_ok=True)
    return {"at": at, "do": do, "marks": str(marks), **more}


def environment(*faults: dict[str, Any], **more: str) -> dict[str, str]:
    """The environment of a process in which the faults are to happen."""
    path = [str(INJECT), *filter(None, [os.environ.get("PYTHONPATH")])] if faults else []
    made = os.environ | {"JOULETUNE_TEST_FAULTS": json.dumps(faults)} | more
    return made | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})


def start(*arguments: str, faults: tuple[dict[str, Any], ...] = (), **more: str) -> subprocess.Popen[str]:
    """`python -m tuner.grid` in a process group of its own; it confirms its choice where `--confirm` is given."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tuner.grid", *arguments, *(() if "--confirm" in arguments else ("--no-confirm",))],
        cwd=ROOT,
        env=environment(*faults, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    STARTED.append(process)
    return process


def finish(process: subprocess.Popen[str], seconds: float = 240.0) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a process that ends by itself."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def run(*arguments: str, **named: Any) -> tuple[int, str, str]:
    return finish(start(*arguments, **named))


def wait_for(
    condition: Callable[[], Any], process: subprocess.Popen[str] | None = None, seconds: float = 120.0
) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def kill(process: subprocess.Popen[str], group: bool) -> None:
    """SIGKILL the driver alone, or with everything that it started."""
    (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(1.0)


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """Trial folder -> row, of every row file; asserts that each is whole."""
    from trainables.rows.file import unseal

    return {f.parent.name: unseal(f.read_text()) for f in folder.glob("ray/measure-*/*/row.json")}


def stamps(folder: Path) -> dict[str, tuple[str, float]]:
    """Trial folder -> (experiment, time its row was written)."""
    return {f.parent.name: (f.parent.parent.name, f.stat().st_mtime) for f in folder.glob("ray/measure-*/*/row.json")}


def resume_and_check(
    folder: Path, before: dict[str, tuple[str, float]], trials: int | None = TRIALS, *more: str
) -> str:
    """Resume a run, with `more` options: it completes, no trial with a row starts again, the report is there. What was
    printed. `trials`: None where their number is not known."""
    code, out, err = run("--resume", str(folder), *more)
    assert code == 0, err
    after = stamps(folder)
    assert trials is None or len(after) == trials
    assert {name: after[name] for name in before} == before, "a row was written again"
    again = [f for f in folder.glob("ray/measure-*/*/") if f.name in before and f.parent.name != before[f.name][0]]
    assert again == [], "a trial with a row was started again"
    assert {row["status"] for row in rows(folder).values()} == {"ok"}
    assert (folder / "report.html").is_file()
    return out


@contextmanager
def small_disk(folder: Path, mib: float) -> Iterator[Path]:
    """A disk of so many MiB mounted at the folder; raises PermissionError where this user cannot mount."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={int(mib * 1024)}k", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        raise PermissionError("cannot mount a tmpfs here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
