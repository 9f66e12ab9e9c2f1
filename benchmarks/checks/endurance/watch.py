"""The run, and the private memory of its processes while it goes on."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LENGTHS, DEPTHS = ("16", "24", "32", "40", "48"), ("1", "2", "3", "4")
SETTINGS = """--no-confirm --precision fp32 --epochs 1 --train-examples 64 --eval-examples 16
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
