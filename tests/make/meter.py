"""Meters with exact numbers: constant power in real time, or a sensor that fails."""

import time

from trainables.energy.meter import DeviceInfo, EnergySource, MeterError, Sample


class ConstantMeter:
    """A continuous counter of `watts`; after `reads_before_failure` reads the sensor is lost."""

    source: EnergySource = "rapl"
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

    def context_created(self) -> None:
        pass

    def foreign_processes(self) -> bool | None:
        return self.foreign

    def close(self) -> None:
        pass
