"""Meters with exact numbers: constant power in real time, or a sensor that fails."""

import time

from trainables.energy.meter import DeviceInfo, Meter, MeterError, Sample, Target


class ConstantMeter(Meter):
    """A continuous counter of `watts`; after `reads_before_failure` reads the sensor is lost."""

    source = "rapl"
    tick_s = 0.0
    poll_s = 0.002

    def __init__(self, watts: float = 10.0, reads_before_failure: int | None = None) -> None:
        self.watts, self.left = watts, reads_before_failure
        self.device = DeviceInfo("constant meter", "GPU-test")
        self.foreign: bool | None = False

    def read(self) -> Sample:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise MeterError("NVML failed on GPU-test: GPU is lost")
        now = time.perf_counter()
        return Sample(now, 0.0, energy_j=self.watts * now, power_w=self.watts, temperature_c=40.0)

    def foreign_processes(self) -> bool | None:
        return self.foreign


def open_meter(target: Target) -> ConstantMeter:
    """As the module of a made-up sensor: a meter of 12 W by the name of "made_up"."""
    meter = ConstantMeter(12.0)
    meter.source = "made_up"
    return meter


def ten_watts() -> ConstantMeter:
    """Opened in a process of its own."""
    return ConstantMeter(10.0)
