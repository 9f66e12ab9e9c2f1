"""Joules of a GPU for Prometheus: once per card, however many replicas share it."""

import logging
import socket
import threading
from collections.abc import Callable

from trainables.energy.meter import Meter, MeterError

EVERY_S = 5.0

_log = logging.getLogger("serving")


class CardEnergy:
    """Adds what a card's counter has advanced by, from its own thread, while no other process of this host does so
    under the same `name`. When that one ends, another goes on."""

    def __init__(self, meter: Meter, name: str, add: Callable[[float], None]) -> None:
        """`add`: given J, each time. `name`: of the card and of whoever counts, such as a cluster."""
        self.meter, self.name, self.add = meter, name, add
        self._claim: socket.socket | None = None
        self._before: float | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._go_on, name="card-energy", daemon=True).start()

    def close(self) -> None:
        self._ended.set()

    def step(self) -> None:
        """Read once. What passed before this process's first reading is another's, or nobody's."""
        if not self._claimed():
            return
        now = self.meter.read().energy_j
        if now is not None and self._before is not None and now > self._before:
            self.add(now - self._before)
        self._before = now

    def _claimed(self) -> bool:
        """Linux forgets an abstract socket with the process that holds it, killed or not."""
        if self._claim is not None:
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0jouletune-card-{self.name}"[:100])
        except OSError:
            claim.close()
            return False
        self._claim = claim
        return True

    def _go_on(self) -> None:
        try:
            while not self._ended.is_set():
                self.step()
                self._ended.wait(EVERY_S)
        except MeterError as error:
            _log.warning("the card's energy is no longer counted: %s", error)
        finally:
            if self._claim is not None:
                self._claim.close()
            self.meter.close()
