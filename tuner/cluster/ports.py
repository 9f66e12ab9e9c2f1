"""Who can reach the Ray of a run: this machine alone unless asked, and nobody without Ray's token.

Whoever reaches Ray's ports can run code as the user who started it. Ray's dashboard is bound to 127.0.0.1, but the
other servers of `ray.init()` (GCS, raylet, workers, metrics) to every interface. Its loop-back mode, which is the
default on Windows and macOS, binds all of them to 127.0.0.1 (seen with `ss -ltn`, Ray 2.60).
"""

import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray._private import ray_constants

from search_spaces.errors import UsageError, check
from trainables.ray_variables import AUTH_MODE, LOOPBACK_MODE, asks_for_token
from tuner.cluster.options import LOOPBACK, RayOptions

_REASON = "whoever reaches Ray's dashboard and holds its token can run any code as you"


def is_loopback(host: str) -> bool:
    """Does the address of a server (with or without a port) mean this machine alone?"""
    name = host.removeprefix("http://").rsplit(":", 1)[0] if host.count(":") <= 1 else host.strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def start_options(options: RayOptions, folder: Path) -> dict[str, Any]:
    """Arguments of `ray.init` for a Ray started here: ports and who may reach them, and the folder of its session.
    UsageError for what is not safe."""
    host, port = options.dashboard_host, options.metrics_port
    if not is_loopback(host) and not asks_for_token():
        raise UsageError(
            f"a dashboard that others can reach must ask for a token, but --dashboard-host is {host} and "
            f"{AUTH_MODE} is {os.environ[AUTH_MODE]!r}; unset it, or keep {LOOPBACK} and use an SSH tunnel"
        )
    if port is not None:
        check(1024 <= port <= 65535, "metrics_port must be between 1024 and 65535", port, "9090 is Prometheus")
        check(_is_free(port), "metrics_port must be free", port, "give another, or none to let Ray choose")
    return {
        "address": "local",  # nothing, and Ray would join whatever cluster it finds running here
        "_temp_dir": str(folder),
        "include_dashboard": options.dashboard,
        "dashboard_host": host,
        "_metrics_export_port": port,
        # Ray starts its workers at niceness 15: whatever else runs on the host would slow what is measured.
        # Nor does a trial use the workers that it starts in advance, one per core: they lack its environment.
        "_system_config": {"worker_niceness": 0, "prestart_worker_first_driver": False},
    }


def join_options(options: RayOptions, address: str) -> dict[str, Any]:
    """Arguments of `ray.init` for a cluster that runs already; its ports are whatever it was started with."""
    asked = {
        "--dashboard-host": not is_loopback(options.dashboard_host),
        "--metrics-port (there: --metrics-export-port)": options.metrics_port is not None,
    }
    for option in (name for name, given in asked.items() if given):
        raise UsageError(
            f"ports can be chosen only where Ray is started, but the cluster at {address} is joined; give {option} "
            "to its `ray start`, or leave it out"
        )
    return {"address": address}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((LOOPBACK, port)) != 0


@contextmanager
def loopback_only() -> Iterator[None]:
    """Ray started within listens on 127.0.0.1 alone. Not for joining a cluster: its nodes have other addresses."""
    before = os.environ.get(LOOPBACK_MODE), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[LOOPBACK_MODE] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False  # this process has read the variable already
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before[1]
        if before[0] is None:
            del os.environ[LOOPBACK_MODE]
        else:
            os.environ[LOOPBACK_MODE] = before[0]


def address_lines(dashboard_url: str | None, metrics_port: int | None) -> list[str]:
    """What to print of a dashboard (host:port) and of metrics: address, how to sign in, what is not safe about it."""
    lines = [f"Prometheus metrics: http://{LOOPBACK}:{metrics_port}/metrics"] if metrics_port else []
    if not dashboard_url:
        return lines
    lines.append(f"Ray dashboard: http://{dashboard_url}")
    if asks_for_token():
        lines.append("  sign in with the token that `ray get-auth-token` prints (docs/watching.md)")
    port = dashboard_url.rpartition(":")[2]
    if not is_loopback(dashboard_url):
        lines.append(
            f"  warning: {dashboard_url} can be reached from other machines, and {_REASON}, over plain HTTP; "
            f"safer: {LOOPBACK}, and `ssh -L {port}:{LOOPBACK}:{port}` from there"
        )
    return lines
