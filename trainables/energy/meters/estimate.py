"""No sensor: energy is an assumed power times the busy time, and says so."""

import time
from collections.abc import Callable

from search_spaces.errors import UsageError, check
from trainables.energy.meter import DeviceInfo, Meter, Sample, Target
from trainables.energy.meters.cpu import cpu_name, usable_cores
from trainables.energy.sources import WATTS_PER_CORE


class EstimateMeter(Meter):
    """Assumes `watts` while the load runs; by default WATTS_PER_CORE times the cores this process may use.

    With a constant power, energy and latency carry the same information: their frontiers are one.
    """

    source = "estimate"
    tick_s = 0.0
    poll_s = 0.05

    def __init__(
        self,
        watts: float | None = None,
        *,
        name: str | None = None,
        why: str = "",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`name` of the device (default: the processor); `why` no sensor is read."""
        cores = usable_cores()
        assumption = f"{watts} W, as given" if watts else f"{WATTS_PER_CORE} W x {cores} cores (Green Algorithms)"
        self.watts = WATTS_PER_CORE * cores if watts is None else watts
        check(self.watts > 0, "assumed power must be positive", self.watts, "give the device's watts under load")
        self.device = DeviceInfo(
            name or cpu_name(), None, {"assumed_w": self.watts, "assumption": assumption, "no_sensor": why}
        )
        self._clock = clock

    def read(self) -> Sample:
        return Sample(self._clock(), 0.0, power_w=self.watts)

    def foreign_processes(self) -> bool | None:
        """An assumed power does not change with the neighbours."""
        return False


def open_meter(target: Target) -> EstimateMeter:
    """Of a processor, or of a GPU whose watts are given. Raises UsageError for a GPU without."""
    if target.device == "cpu":
        return EstimateMeter(target.assumed_watts, why=target.no_sensor)
    if target.assumed_watts is None:
        raise UsageError(
            f"energy of the GPU cannot be measured ({target.no_sensor}); run `python -m tuner.doctor`, or give the "
            "watts to assume, and every number will be marked as estimated"
        )
    return EstimateMeter(target.assumed_watts, name="GPU without a sensor", why=target.no_sensor)
