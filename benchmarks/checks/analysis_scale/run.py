"""Synthetic rows are written, and read by a fresh process for each measurement."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.checks.analysis_scale import Arguments
from benchmarks.checks.analysis_scale.step import LIMITS_S, STEP
from benchmarks.checks.analysis_scale.synthetic import rows


def run(arguments: Arguments) -> int:
    """Exit code 0 where every process keeps its limit."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        table = rows(arguments.rows)
        if arguments.distinct:
            table["batch_size"] = 1 + table["replicate"]
            table["replicate"] = 0
        table.to_csv(file, index=False)
        missed = 0
        for what in LIMITS_S:
            command = [sys.executable, "-m", STEP.module, what, str(file)]
            command += ["--distinct"] if arguments.distinct else []
            missed |= subprocess.run(command, check=False).returncode
        return missed
