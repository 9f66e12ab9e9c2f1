"""Who can reach the Ray of a run: this machine alone, and nobody without the token."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from tuner.cluster.options import RayOptions
from tuner.cluster.ports import address_lines, is_loopback, join_options, loopback_only, start_options

EVERYWHERE = "0.0.0.0"  # noqa: S104 (what is refused or warned of)
ROOT = Path(__file__).resolve().parents[2]

# Starts Ray as a run does, with an actor on it; prints where its processes listen and what the dashboard answers.
DRIVER = """
import json, os, urllib.error, urllib.request
import ray
from tuner.cluster.options import RayOptions
from tuner.cluster.session import ray_session
from tuner.cluster.token import token_file
import psutil  # the one that Ray brings

@ray.remote
class Idle:
    def niceness(self):
        return os.nice(0)

def status(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

with ray_session(RayOptions(dashboard=True)):
    actor = Idle.remote()
    niceness = ray.get(actor.niceness.remote())
    listening = set()
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            sockets = process.connections("inet")
        except psutil.NoSuchProcess:
            continue
        listening |= {s.laddr.ip for s in sockets if s.status == "LISTEN"}
    url = "http://" + ray._private.worker.get_dashboard_url() + "/api/cluster_status"
    token = token_file().read_text().strip()
    found = {"listening": sorted(listening), "without": status(url, None), "with": status(url, token)}
    found["niceness"] = niceness
    session = ray._private.worker._global_node.get_session_dir_path()
    found["session"] = session
    found["modes"] = [oct(os.stat(p).st_mode & 0o777) for p in (session.rpartition("/r/")[0], token_file())]
    print("FOUND", json.dumps(found))
"""


@pytest.mark.ray
def test_ray_listens_on_this_machine_alone_asks_for_its_token_and_nices_no_worker(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRIVER],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.split("FOUND")[1])
    assert found["without"] == 401
    assert found["with"] == 200
    # Ray's default is 15: any other process would slow what is measured.
    assert found["niceness"] == os.nice(0)
    assert found["listening"]
    assert all(is_loopback(ip.removeprefix("::ffff:")) for ip in found["listening"]), found["listening"]
    assert "Ray dashboard: http://127.0.0.1:" in done.stdout
    assert "`ray get-auth-token`" in done.stdout
    # Ray opens its own folder to everybody; nobody gets there.
    assert found["modes"] == ["0o700", "0o600"]
    assert "warning" not in done.stdout
    assert not Path(found["session"]).exists(), "removed at the end"


def test_loopback_mode_ends_with_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import ray_constants

    variable = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    monkeypatch.delenv(variable, raising=False)
    before = ray_constants.ENABLE_RAY_CLUSTER
    with loopback_only():
        assert os.environ[variable] == "0"
        assert ray_constants.ENABLE_RAY_CLUSTER is False
    assert variable not in os.environ
    assert ray_constants.ENABLE_RAY_CLUSTER is before


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8265", "localhost", "localhost:8265", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [EVERYWHERE, "0.0.0.0:8265", "192.0.2.7:8265", "::", "gpu-box", "localhost.example"])
def test_what_others_can_reach(host: str) -> None:
    assert not is_loopback(host)


def test_a_dashboard_for_others_needs_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert start_options(RayOptions(dashboard=True), tmp_path)["dashboard_host"] == "127.0.0.1"
    with pytest.raises(UsageError, match=r"must ask for a token, but --dashboard-host is 0\.0\.0\.0"):
        start_options(RayOptions(dashboard=True, dashboard_host=EVERYWHERE), tmp_path)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert (
        start_options(RayOptions(dashboard=True, dashboard_host=EVERYWHERE), tmp_path)["dashboard_host"] == EVERYWHERE
    )


def test_a_wide_bind_and_a_missing_token_are_warned_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    assert "warning" not in "\n".join(address_lines("127.0.0.1:8265", 9123))
    wide = "\n".join(address_lines("0.0.0.0:8265", None))
    assert "warning: 0.0.0.0:8265 can be reached from other machines" in wide
    assert "run any code as you" in wide
    assert "ssh -L" in wide
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "sign in" not in "\n".join(address_lines("127.0.0.1:8265", None))


def test_a_metrics_port_must_be_free_and_in_range(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="metrics_port must be free"):
            start_options(RayOptions(metrics_port=taken.getsockname()[1]), tmp_path)
    with pytest.raises(UsageError, match="between 1024 and 65535"):
        start_options(RayOptions(metrics_port=80), tmp_path)


def test_ports_of_a_joined_cluster_are_its_own() -> None:
    assert join_options(RayOptions(dashboard=True), "auto") == {"address": "auto"}
    for options in (RayOptions(metrics_port=9123), RayOptions(dashboard_host=EVERYWHERE)):
        with pytest.raises(UsageError, match="only where Ray is started, but the cluster at auto is joined"):
            join_options(options, "auto")
