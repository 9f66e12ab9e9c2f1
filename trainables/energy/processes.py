"""Does another process compute on the card?

NVML lists process ids, but in a container they may be the host's, or missing. Comparing the lists before and
after our own context appears tells which entry is ours.
"""

import os
import threading
from collections.abc import Callable
from types import TracebackType


class ProcessWatch:
    """Built before our context exists; told when it does; asked any time after.

    `list_pids` returns the ids of the processes that compute on the card, or None if it cannot be asked.
    """

    def __init__(self, list_pids: Callable[[], frozenset[int] | None], own_pid: int | None = None) -> None:
        self._list_pids = list_pids
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._before = list_pids()
        self._appeared: frozenset[int] | None = None  # entries that came with our context: one of them is us

    def context_created(self) -> None:
        """Call right after creating the context; not if it existed before this object did."""
        after = self._list_pids()
        if after is not None and self._before is not None:
            self._appeared = after - self._before

    def foreign(self) -> bool | None:
        """True if another process is listed, None where the list does not tell.

        We are our own id where that is listed, else (the host's ids) the entry that appeared with our
        context. Everyone else is foreign; so is the second of two that appeared together. If none appeared,
        NVML hides us: who is listed is foreign, but an empty list proves nothing. Without the comparison two
        are one too many, and a single one may be us.
        """
        now = self._list_pids()
        if now is None:
            return None
        own = frozenset({self._own_pid})
        if own <= now and (not self._appeared or own <= self._appeared):
            return len(now) > 1
        if self._appeared is None:
            return True if len(now) > 1 else None
        if now & self._appeared:
            return len(now) > 1
        return True if now else None


class ForeignWatch:
    """Asks beside the load, once a second, whether another process computes: one may come and go within a trial.

    `ask` is a meter's `foreign_processes`. Once a second takes nothing measurable from the load.
    """

    def __init__(self, ask: Callable[[], bool | None], every_s: float = 1.0) -> None:
        self._ask, self._every_s = ask, every_s
        self._answers: set[bool | None] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="foreign-watch", daemon=True)

    def __enter__(self) -> "ForeignWatch":
        self._answers.add(self._ask())
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(timeout=10.0)
        self._answers.add(self._ask())

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._answers.add(self._ask())

    @property
    def seen(self) -> bool | None:
        """True if another process was there at any time, None if once it could not be told."""
        if True in self._answers:
            return True
        return None if None in self._answers else False
