"""What an energy meter is: something that can be read beside the load, and says what it knows.

A meter is read by the sampler, never by the loop of batches. Its readings, with monotonic timestamps
(`time.perf_counter`), form a trace; `trace.py` turns traces and window edges into joules.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

EnergySource = Literal["nvml_counter", "nvml_power", "rapl", "estimate"]


@dataclass(frozen=True)
class Sample:
    """One reading: `time_s` is the middle of the read, `read_s` its length; what the device lacks is None."""

    time_s: float
    read_s: float
    energy_j: float | None = None  # cumulative counter
    power_w: float | None = None  # instantaneous
    temperature_c: float | None = None
    sm_clock_mhz: float | None = None
    throttle: int = 0  # NVML clock-event bits, 0 where unknown


@dataclass(frozen=True)
class DeviceInfo:
    """Who was measured, for the row and environment.json."""

    name: str
    uuid: str | None = None
    details: dict[str, object] = field(default_factory=dict)  # driver, power limit, clocks, ...


class MeterError(RuntimeError):
    """The sensor failed in the middle of a trial; the trial fails with this reason, the sweep goes on."""


class SensorUnavailable(RuntimeError):
    """This machine lacks the sensor, or may not read it; `remedy` is what would help, if anything."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason}; {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class Meter(Protocol):
    """Attributes are set once the meter is built and do not change."""

    source: EnergySource
    device: DeviceInfo
    tick_s: float  # period at which the sensor's value changes (0 where continuous)
    poll_s: float  # period at which the sampler should read it

    def read(self) -> Sample:
        """One sample; raises MeterError when the sensor fails."""
        ...

    def context_created(self) -> None:
        """Tell the meter that this process has just put its context on the device (see `processes.py`)."""
        ...

    def foreign_processes(self) -> bool | None:
        """Does another process compute on the device? None where it cannot be told."""
        ...

    def close(self) -> None: ...
