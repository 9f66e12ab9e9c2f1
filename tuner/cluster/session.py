"""Ray for the length of a run: started here or joined, and left at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ray

from search_spaces.errors import UsageError
from tuner.cluster.devices import Devices, devices_of_this_cluster
from tuner.cluster.options import RayOptions
from tuner.cluster.ports import address_lines, join_options, loopback_only, start_options
from tuner.run.faults import sigterm_as_ctrl_c

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("analysis", "search_spaces", "trainables", "tuner")


@contextmanager
def ray_session(options: RayOptions) -> Iterator[Devices]:
    """The devices of the Ray that is started here or joined; a SIGTERM within stops a sweep as Ctrl-C does."""
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # workers' working directory stays the driver's
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the other reporter prints a header even when told not to
    joined = address_to_join(options)
    how = join_options(options, joined) if joined else start_options(options)
    try:
        with nullcontext() if joined else loopback_only():
            context = ray.init(
                **how, log_to_driver=False, logging_level="ERROR", runtime_env=worker_environment(joined is not None)
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"Ray must start or be reachable (--address {options.address}), but: {error}; "
            "check the address, or leave it out to start Ray here"
        ) from error
    try:
        port = None if joined else context.address_info["metrics_export_port"]
        if options.dashboard or options.metrics_port:
            print("\n".join(address_lines(context.dashboard_url, port)), flush=True)
        with sigterm_as_ctrl_c():
            yield devices_of_this_cluster(options.wait_for_gpus)
    finally:
        ray.shutdown()


def address_to_join(options: RayOptions) -> str | None:
    """The cluster to join: what was asked for, or that of the job this process is; None where Ray is started here."""
    return options.address or os.environ.get("RAY_ADDRESS")


def worker_environment(joined: bool) -> dict[str, Any]:
    """Ray's runtime environment of trials: they import this project, on every node of a cluster that was joined."""
    path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
    made: dict[str, Any] = {"env_vars": {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}}
    if joined:  # other nodes may not have the folder, so it is sent there
        made |= {"py_modules": [str(PROJECT_ROOT / name) for name in PACKAGES], "excludes": ["__pycache__"]}
    return made
