"""A Ray of this run's own without what no run uses: its start waits for processes, each of which imports Ray.

`ray.init()` has no switch for these (Ray 2.60). Without its dashboard it still starts the dashboard's process, for the
usage statistics that are sent to Ray's makers, and waits until it answers; a log monitor, though nothing is passed on
to the driver; and an autoscaler's monitor, though there is nothing to scale. And its agent insists on port 52365, so
that the second Ray of a machine waits three seconds for it, in vain.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private.node import Node

_NEVER = ("start_log_monitor",)
_FOR_DASHBOARD = ("start_api_server", "start_monitor")  # of the cluster's state, which it shows


@contextmanager
def essentials_only(dashboard: bool) -> Iterator[None]:
    """A Ray started within starts none of them; for a `dashboard` it starts what that shows."""
    left_out = _NEVER if dashboard else (*_NEVER, *_FOR_DASHBOARD)
    kept = {name: getattr(Node, name) for name in (*left_out, "start_raylet")}
    for name in left_out:
        setattr(Node, name, _nothing)

    def start_raylet(node: Any, *arguments: Any, **named: Any) -> None:
        node._ray_params.dashboard_agent_listen_port = 0  # any that is free
        kept["start_raylet"](node, *arguments, **named)

    Node.start_raylet = start_raylet
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(Node, name, method)


def _nothing(node: Any, *arguments: Any, **named: Any) -> None:
    """In place of a method that starts a process."""
