"""Ray for the length of a run: started here or joined, and left at the end."""

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import RayError

from search_spaces.errors import UsageError
from tuner.cluster.address import check_answers
from tuner.cluster.devices import Devices, devices_of_this_cluster
from tuner.cluster.options import RayOptions, address_to_join
from tuner.cluster.ports import address_lines, join_options, loopback_only, start_options
from tuner.cluster.temporary import check_variable, private_folder
from tuner.cluster.token import make_token, others_can, token_warnings
from tuner.cluster.visible import complaint, named
from tuner.cluster.watch import PATIENCE_JOINED_S, PATIENCE_S, ended_here, unreachable, watched
from tuner.run.faults import sigterm_as_ctrl_c
from tuner.stages import stage

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("analysis", "search_spaces", "trainables", "tuner")
_FAILURES = (OSError, RuntimeError, ValueError, RayError)  # of ray.init, for whatever reason


def check_ray(options: RayOptions) -> None:
    """UsageError for a Ray that cannot be started or joined as asked for, as far as that is known beforehand."""
    address = address_to_join(options)
    if address is None:
        check_variable()
        start_options(options, Path())
    else:
        join_options(options, address)
        check_answers(options, address)


@contextmanager
def ray_session(options: RayOptions) -> Iterator[Devices]:
    """The devices of the Ray that is started here or joined; a SIGTERM within stops a sweep as Ctrl-C does."""
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # workers' working directory stays the driver's
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the other reporter prints a header even when told not to
    address = address_to_join(options)
    try:
        with _joined(options, address) if address else _started(options) as devices:
            yield devices
    finally:
        ray.shutdown()


@contextmanager
def _started(options: RayOptions) -> Iterator[Devices]:
    """A Ray of this run's own, in a folder of its own, which nobody else reaches."""
    warnings = []
    with private_folder() as folder, _environment(make_token(folder.parent)):
        how = start_options(options, folder)
        if (entries := named()) is not None:
            how["num_gpus"] = torch.cuda.device_count()
            warnings = [f"warning: {said}" for said in [complaint(entries, how["num_gpus"])] if said]
        try:
            with stage("starting Ray"), loopback_only():
                context = _init(False, **how)
        except _FAILURES as error:
            raise UsageError(f"Ray must start on this machine, but: {_first_line(error)}; see `ray --help`") from error
        try:
            lines = warnings + token_warnings()
            if options.dashboard or options.metrics_port:
                lines += address_lines(context.dashboard_url, context.address_info["metrics_export_port"])
            with _running(lines, watched(ended_here, PATIENCE_S)):
                yield devices_of_this_cluster(options.wait_for_gpus)
        finally:
            ray.shutdown()  # before its folder goes


@contextmanager
def _joined(options: RayOptions, address: str) -> Iterator[Devices]:
    """A Ray that runs already."""
    how = join_options(options, address)
    check_answers(options, address)
    try:
        with stage(f"joining the Ray at {address}"):
            context = _init(True, **how)
    except _FAILURES as error:
        raise UsageError(
            f"the Ray at {address} must let this run join, but: {_first_line(error)}; "
            "use its version of Ray and of Python, and its token"
        ) from error
    lines = [*token_warnings(), *_folder_warnings()]
    if options.dashboard:
        lines += address_lines(context.dashboard_url, None)
    gcs = context.address_info["gcs_address"]
    with _running(lines, watched(unreachable(gcs), PATIENCE_JOINED_S)):
        yield devices_of_this_cluster(options.wait_for_gpus)


@contextmanager
def _running(lines: list[str], watch: AbstractContextManager[None]) -> Iterator[None]:
    if lines:
        print("\n".join(lines), flush=True)
    with sigterm_as_ctrl_c(), watch:
        yield


def _init(joined: bool, **how: Any) -> Any:
    return ray.init(**how, log_to_driver=False, logging_level="ERROR", runtime_env=worker_environment(joined))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextmanager
def _environment(added: dict[str, str]) -> Iterator[None]:
    """Variables that this process and those of Ray have meanwhile; none of them was set."""
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _folder_warnings() -> list[str]:
    """Of a cluster that was joined: may others change what its workers run?"""
    folder = Path(ray._private.worker._global_node.get_session_dir_path())
    if not others_can(folder, stat.S_IWOTH):
        return []
    return [
        f"warning: other users of this machine can write to Ray's folder {folder} and so run code as you; "
        "start the cluster with `ray start --temp-dir` in a folder of mode 0700 (docs/security.md)"
    ]


def worker_environment(joined: bool) -> dict[str, Any]:
    """Ray's runtime environment of trials: they import this project, on every node of a cluster that was joined."""
    path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
    made: dict[str, Any] = {"env_vars": {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}}
    if joined:  # other nodes may not have the folder, so it is sent there
        made |= {"py_modules": [str(PROJECT_ROOT / name) for name in PACKAGES], "excludes": ["__pycache__"]}
    return made
