"""What an energy meter is: something that can be read beside the load, and says what it knows.

A meter is read by the sampler, never by the loop of batches. Its readings, with monotonic timestamps
(`time.perf_counter`), form a trace (`trace.py`); `windows.py` turns traces and window edges into joules.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


LOAD_STOPPED = 1 << 48  # a bit of `Sample.throttle`, of any source: the process under load stood still (SIGSTOP)


@dataclass(frozen=True)
class Sample:
    """One reading: `time_s` is the middle of the read, `read_s` its length; what the device lacks is None."""

    time_s: float
    read_s: float
    energy_j: float | None = None  # cumulative counter
    power_w: float | None = None  # instantaneous
    temperature_c: float | None = None
    sm_clock_mhz: float | None = None
    throttle: int = 0  # bits that the source explains (`EnergySource.throttle`), 0 where unknown; and LOAD_STOPPED


@dataclass(frozen=True)
class Target:
    """What is to be metered."""

    device: str  # torch's kind: "cuda" or "cpu"
    uuid: str | None = None  # of a CUDA device
    assumed_watts: float | None = None  # where there is no sensor
    no_sensor: str = ""  # why the sensors tried before could not be read


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


class Reader(Protocol):
    """Samples that another process takes: rows of `trace.sample_row`, numbered from 0."""

    @property
    def count(self) -> int:
        """Samples taken so far."""
        ...

    def since(self, first: int) -> "npt.NDArray[np.float64]":
        """Samples from number `first` on, flattened."""
        ...

    def wait_for(self, count: int) -> None:
        """Wait until so many samples have been taken; MeterError if none comes."""
        ...

    def check(self) -> None:
        """Raise MeterError if the sensor or the process failed."""
        ...


class Meter(Protocol):
    """Attributes are set once the meter is built and do not change, but for `child`. A meter derives from this class
    and writes what differs from it."""

    source: str  # a name of `sources.SOURCES`
    device: DeviceInfo
    tick_s: float  # period at which the sensor's value changes (0 where continuous)
    poll_s: float  # period at which the sampler should read it
    child: Reader | None = None  # the process that reads it for samplers, where there is one

    def read(self) -> Sample:
        """One sample; raises MeterError when the sensor fails."""
        ...

    def read_in_child(self) -> None:
        """Have samplers read it through a process of its own from now on, until `close`, if reading it would disturb
        the load; nothing otherwise."""
        return

    def context_created(self) -> None:
        """Tell the meter that this process has just put its context on the device (see `processes.py`)."""
        return

    def foreign_processes(self) -> bool | None:
        """Does another process compute on the device? None where it cannot be told."""
        return None

    def power_limit_w(self) -> float | None:
        """The most that the device's own limit has let it draw since the meter was opened (W); None where unknown."""
        return None

    def close(self) -> None:
        """Release the sensor."""
        return
