"""How Ray is started or joined, as a command line says it."""

import os
from dataclasses import dataclass

from trainables import ray_variables

LOOPBACK = "127.0.0.1"
_START_HERE = "local"  # Ray's word for it


@dataclass(frozen=True)
class RayOptions:
    """How Ray is started; none of it changes what is measured."""

    dashboard: bool = False
    """Start Ray's dashboard and print its address and how to sign in."""
    dashboard_host: str = LOOPBACK
    """Where the dashboard listens. 127.0.0.1 is this machine alone; more is not safe: docs/security.md."""
    metrics_port: int | None = None
    """Serve Prometheus metrics at this port of 127.0.0.1: docs/watching.md. Default: Ray chooses one."""
    address: str | None = None
    """Join this Ray cluster ("auto": the one running here; also RAY_ADDRESS). Default: start Ray on this machine."""
    wait_for_gpus: int = 0
    """Wait until the cluster that is joined has so many GPUs: trials are spread over what is there at the start."""
    storage_path: str | None = None
    """Shared folder or URI (s3://, gs://) for fine-tuning checkpoints and results: docs/running.md. Default: the run
    folder alone."""


def address_to_join(options: RayOptions) -> str | None:
    """The cluster to join: what was asked for, or that of the job this process is; None where Ray is started here."""
    given = options.address or os.environ.get(ray_variables.ADDRESS)
    return given if given and given != _START_HERE else None
