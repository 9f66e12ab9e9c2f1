"""Smoke mode's meter: it counts a constant power, so that a run without a sensor exercises everything but the card."""

import time

from trainables.energy.meter import DeviceInfo, Meter, Sample

SMOKE_WATTS = 50.0


class TickingMeter(Meter):
    """A counter of SMOKE_WATTS that ticks like NVML's, the same in every process.

    Its time is the system's monotonic clock, so a second process that counts the same way must agree.
    """

    source = "nvml_counter"
    tick_s = 0.1
    poll_s = 0.01

    def __init__(self, watts: float = SMOKE_WATTS) -> None:
        self.watts = watts
        self.device = DeviceInfo("ticking meter (smoke mode)", "GPU-smoke")

    def read(self) -> Sample:
        now = time.perf_counter()
        return Sample(now, 0.0, energy_j=ticking_j(self.watts, now), power_w=self.watts, temperature_c=40.0)

    def foreign_processes(self) -> bool | None:
        return False


def ticking_j(watts: float, now_s: float, tick_s: float = TickingMeter.tick_s) -> float:
    """Energy at the last tick before `now_s` (J)."""
    return watts * int(now_s / tick_s) * tick_s
