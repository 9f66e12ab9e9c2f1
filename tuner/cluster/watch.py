"""A Ray that went away under a run ends it in one line.

Ray's own way is to try for a minute, then to end the process that uses it with a message about gRPC. There is no going
on: every call to Ray waits for that. So the process is ended here, a few seconds after; what was measured is on disk.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from tuner.cli import USAGE
from tuner.cluster.address import probe

EVERY_S = 1.0
# A stop from outside (SIGTERM to all processes) ends Ray's, too: the driver gets so long to stop as it does then.
PATIENCE_S = 10.0
# The head of a cluster may be started again (KubeRay does); Ray waits 60 s for it.
PATIENCE_JOINED_S = 50.0
_NEEDED = ("gcs_server", "raylet")


@contextmanager
def watched(look: Callable[[], str], patience_s: float, end: Callable[[str], None] | None = None) -> Iterator[None]:
    """Look about once a second within the context; `end` the process where something is wrong (`look` says what) for
    `patience_s`."""
    over = threading.Event()
    end = end or _end_process

    def watch() -> None:
        wrong_s = 0.0
        while not over.wait(EVERY_S):
            wrong = look()
            wrong_s = wrong_s + EVERY_S if wrong else 0.0
            if wrong_s >= patience_s:
                end(wrong)
                return

    threading.Thread(target=watch, name="ray-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def ended_here() -> str:
    """Which process of the Ray that was started here has ended; "" while all run."""
    node = ray._private.worker._global_node
    for name in _NEEDED:
        for info in (node.all_processes if node else {}).get(name, []):
            code = info.process.poll()
            if code is not None:
                return f"its {name} ended ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
    return ""


def unreachable(address: str) -> Callable[[], str]:
    """What `watched` looks at for a cluster that was joined."""

    def look() -> str:
        host, _, port = address.rpartition(":")
        try:
            probe(host, int(port))
        except (OSError, ValueError) as error:
            return f"nothing answers at {address} ({error})"
        return ""

    return look


def _end_process(wrong: str) -> None:
    sys.stdout.flush()
    print(
        f"error: Ray must run as long as the sweep, but {wrong}; no finished trial is lost: go on with --resume RUN",
        file=sys.stderr,
        flush=True,
    )
    os._exit(USAGE)  # not sys.exit: the main thread waits for Ray, which is not there any more
