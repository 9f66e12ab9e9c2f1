"""`ray job submit` to a local head node, as docs/running.md says it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request  # of 127.0.0.1 alone
from pathlib import Path

import pytest

import analysis
from tests.faults.harness import ROOT, TIMES, rows

pytestmark = pytest.mark.timeout(900)
RAY = str(Path(sys.executable).with_name("ray"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def head(tmp_path):
    """A head node of its own ports; never `ray stop`, which ends every Ray of the machine."""
    dashboard = free_port()
    process = subprocess.Popen(
        [
            RAY, "start", "--head", "--block", "--node-ip-address", "127.0.0.1", "--port", str(free_port()),
            "--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard), "--num-cpus", "2",
            "--disable-usage-stats", "--dashboard-agent-listen-port", str(free_port()), "--ray-client-server-port",
            str(free_port()), "--temp-dir", f"/tmp/jt-{os.getpid()}",
        ],
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
    )  # fmt: skip
    address = f"http://127.0.0.1:{dashboard}"
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/api/version", timeout=2).close()  # noqa: S310 (this machine)
            break
        except OSError:
            assert process.poll() is None
            time.sleep(0.5)
    yield address
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def test_a_sweep_submitted_as_a_job(tmp_path, head):
    folder = tmp_path / "run"
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [
            RAY, "job", "submit", "--address", head, "--working-dir", str(ROOT), "--",
            sys.executable, "-m", "tuner.grid", "--output-dir", str(folder), "--random-weights", "--no-confirm", *TIMES,
            "--max-seq-len", "16", "24", "--depth", "1", "--precision", "fp32",
        ],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Job '.*' succeeded", done.stdout)
    assert "[2/2]" in done.stdout
    assert len(analysis.load(folder)) == 2
    assert {r["status"] for r in rows(folder).values()} == {"ok"}
    assert (folder / "report.html").is_file()
