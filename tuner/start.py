"""What of a start can be refused before Ray runs, and before a folder is made for it."""

from pathlib import Path

import torch

from search_spaces.backends import BACKENDS
from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from trainables.backends.engine import lacking
from trainables.device import accelerator
from trainables.energy.meters.cpu import usable_cores
from tuner.cluster.options import RayOptions, address_to_join
from tuner.cluster.threads import check_threads
from tuner.run.environment import describe, local_sources
from tuner.run.folder import ENVIRONMENT_FILE
from tuner.run.record import is_stored
from tuner.run.resume import check_conditions, read_environment


def check_cores(config: SweepConfig, options: RayOptions) -> None:
    """UsageError for more threads per trial than this machine has cores. (A cluster's are known once it is joined.)"""
    if address_to_join(options) is None:
        cards = torch.cuda.device_count()
        share = max(1, usable_cores() // max(1, cards))
        check_threads(config.measuring.cpu_threads, share, "each GPU" if cards else "this machine")


def check_engines(config: SweepConfig, options: RayOptions) -> None:
    """UsageError where a backend of the sweep needs a package that is not installed here, or is too old, or lacks what
    it runs on this device with. (A cluster's machines are their own: what one lacks is in the rows.)"""
    if address_to_join(options) is None:
        for backend in config.axes.backend:
            if BACKENDS[backend].engine is not None and (why := lacking(backend, accelerator())):
                raise UsageError(why)


def check_resumed(run: Path, config: SweepConfig, options: RayOptions, anyway: bool | None) -> None:
    """UsageError where an earlier run cannot be gone on with on this machine. A cluster's nodes are compared when it
    is joined."""
    if is_stored(run, options.storage_path) and not (run / ENVIRONMENT_FILE).is_file():
        return  # it is fetched first
    before = read_environment(run)
    if before is None:
        return
    check_sources(before.get("digests") or {}, config)
    if address_to_join(options) is None:
        check_conditions(before, describe(config), anyway)


def check_sources(digests: dict[str, str], config: SweepConfig) -> None:
    """UsageError where a model's folder of the run's first start is gone: its name would be looked up on the hub.
    `digests`: of the input files then, "model/config.json" -> sha256."""
    for role, source in local_sources(config):
        local = any(name.startswith(f"{role}/") for name in digests)
        if local and not Path(source).is_dir():
            raise UsageError(
                f"a run goes on with the {role} it was started with, the folder {source}, but there is none in "
                f"{Path.cwd()}; bring it back, or start in the directory that it was named from"
            )
