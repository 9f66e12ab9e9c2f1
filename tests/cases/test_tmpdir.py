"""Case 15: a long TMPDIR, as batch systems have, beyond the 107 bytes of a socket's path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.conftest import ROOT

# In a process of its own: Ray takes its temporary folder from the environment once.
START = """
from tuner.cli import run_command
from tuner.cluster.options import RayOptions
from tuner.cluster.session import ray_session

def main():
    with ray_session(RayOptions()):
        print("started")
    return 0

run_command(main)
"""


@pytest.mark.ray
def test_15_a_long_temporary_folder(tmp_path: Path) -> None:
    """Ray starts in a short folder of its own, or one line says what to do."""
    long = tmp_path / ("a" * 70)
    long.mkdir()
    assert len(str(long)) > 70
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(long)},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    if done.returncode == 0:
        assert "started" in done.stdout
        return
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert "TMPDIR" in done.stderr
