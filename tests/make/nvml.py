"""A `pynvml` whose cards follow a script: piecewise-linear power, a ticking counter, slow reads, all defects.

Time is virtual (`FakeClock`): reads advance it, so tests are fast and their joules exact.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from trainables.energy.meter import Meter, Sample

UUID_A = "GPU-aaaaaaaa-0000-0000-0000-000000000000"
UUID_B = "GPU-bbbbbbbb-1111-1111-1111-111111111111"


class FakeClock:
    """Seconds that pass only when slept or read away."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Power:
    """Watts at knots, linear between them, constant outside; two knots at one time make a step."""

    def __init__(self, *knots: tuple[float, float]) -> None:
        self.time_s = np.array([t for t, _ in knots], float)
        self.watts = np.array([w for _, w in knots], float)
        self._energy_j = np.concatenate(
            [[0.0], np.cumsum((self.watts[1:] + self.watts[:-1]) / 2 * np.diff(self.time_s))]
        )

    def at(self, t: float) -> float:
        """From the right where there is a step."""
        if t < self.time_s[0] or t >= self.time_s[-1]:
            return float(self.watts[0] if t < self.time_s[0] else self.watts[-1])
        i = int(np.searchsorted(self.time_s, t, side="right")) - 1
        share = (t - self.time_s[i]) / (self.time_s[i + 1] - self.time_s[i])
        return float(self.watts[i] + share * (self.watts[i + 1] - self.watts[i]))

    def _since_first(self, t: float) -> float:
        if t <= self.time_s[0]:
            return float((t - self.time_s[0]) * self.watts[0])
        if t >= self.time_s[-1]:
            return float(self._energy_j[-1] + (t - self.time_s[-1]) * self.watts[-1])
        i = int(np.searchsorted(self.time_s, t, side="right")) - 1
        return float(self._energy_j[i] + (t - self.time_s[i]) * (self.watts[i] + self.at(t)) / 2)

    def energy_j(self, start_s: float, end_s: float) -> float:
        """The exact integral."""
        return self._since_first(end_s) - self._since_first(start_s)


@dataclass
class FakeCard:
    """One card and its defects. Times are those of the clock."""

    uuid: str = UUID_A
    power: Power = field(default_factory=lambda: Power((0.0, 300.0)))
    name: str = "NVIDIA Fake 80GB"
    tick_s: float = 0.1
    phase_s: float = 0.03  # the counter ticks at phase + k x tick
    read_s: float = 0.003  # length of a counter read; the value is the one in its middle
    offset_j: float = 1e6  # the counter at time 0
    has_counter: bool = True
    counter_error: int = 3  # what a card without one answers: not supported (4: no permission)
    has_instant: bool = True  # field 186
    has_usage: bool = True
    reset_at_s: float = float("inf")
    stuck_from_s: float = float("inf")
    fails_from_s: float = float("inf")  # every reading: the GPU is lost
    mig: bool | None = False  # None: not supported
    pids: list[int] | None = field(default_factory=list)  # None: cannot be asked
    temperature_c: Callable[[float], int] = lambda t: 50
    throttle: Callable[[float], int] = lambda t: 0
    sm_clock_mhz: int = 1980
    power_limit_mw: int = 700_000
    persistence: int = 1

    def counter_mj(self, t: float) -> int:
        shown_s = min(t, self.stuck_from_s)
        ticked = self.phase_s + np.floor((shown_s - self.phase_s) / self.tick_s) * self.tick_s
        if t >= self.reset_at_s:
            return int(1e3 * self.power.energy_j(self.reset_at_s, max(ticked, self.reset_at_s)))
        return int(1e3 * (self.offset_j + self.power.energy_j(0.0, ticked)))


class NVMLError(Exception):
    NAMES: ClassVar = {3: "Not Supported", 4: "Insufficient Permissions", 9: "Driver Not Loaded", 15: "GPU is lost"}

    def __init__(self, value: int) -> None:
        super().__init__(self.NAMES.get(value, f"error {value}"))
        self.value = value


class NVMLError_FunctionNotFound(NVMLError):
    pass


class FakeNvml:
    """Stands in for the module `pynvml`. Handles are the cards themselves."""

    NVMLError = NVMLError
    NVMLError_FunctionNotFound = NVMLError_FunctionNotFound
    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_SM = 1
    NVML_CLOCK_MEM = 2

    def __init__(self, *cards: FakeCard, clock: FakeClock | None = None, init_error: int = 0) -> None:
        self.cards = cards
        self.clock = clock or FakeClock()
        self.init_error = init_error
        self.users = 0

    def nvmlInit(self) -> None:
        if self.init_error:
            raise NVMLError(self.init_error)
        self.users += 1

    def nvmlShutdown(self) -> None:
        self.users -= 1

    def _answer(self, card: FakeCard, value: Any, missing: bool = False, error: int = 3) -> Any:
        if self.clock() >= card.fails_from_s:
            raise NVMLError(15)
        if missing:
            raise NVMLError(error)
        return value

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeCard:
        return self.cards[index]

    def nvmlDeviceGetUUID(self, card: FakeCard) -> str:
        return card.uuid

    def nvmlDeviceGetName(self, card: FakeCard) -> str:
        return card.name

    def nvmlDeviceGetMigMode(self, card: FakeCard) -> list[int]:
        return self._answer(card, [int(bool(card.mig))] * 2, missing=card.mig is None)

    def nvmlDeviceGetTotalEnergyConsumption(self, card: FakeCard) -> int:
        self.clock.sleep(card.read_s / 2)
        value = self._answer(card, card.counter_mj(self.clock()), not card.has_counter, card.counter_error)
        self.clock.sleep(card.read_s / 2)
        return value

    def _shown_mw(self, card: FakeCard) -> int:
        """Power changes with the counter's ticks, and is that moment's."""
        ticked = card.phase_s + np.floor((self.clock() - card.phase_s) / card.tick_s) * card.tick_s
        return round(1e3 * card.power.at(float(ticked)))

    def nvmlDeviceGetFieldValues(self, card: FakeCard, fields: list[int]) -> list[SimpleNamespace]:
        assert fields == [186]
        milliwatts = self._answer(card, self._shown_mw(card))
        value = SimpleNamespace(uiVal=milliwatts if card.has_instant else 0)
        return [SimpleNamespace(nvmlReturn=0 if card.has_instant else 3, value=value)]

    def nvmlDeviceGetPowerUsage(self, card: FakeCard) -> int:
        return self._answer(card, self._shown_mw(card), missing=not card.has_usage)

    def nvmlDeviceGetTemperature(self, card: FakeCard, sensor: int) -> int:
        return self._answer(card, card.temperature_c(self.clock()))

    def nvmlDeviceGetClockInfo(self, card: FakeCard, kind: int) -> int:
        return self._answer(card, card.sm_clock_mhz)

    def nvmlDeviceGetMaxClockInfo(self, card: FakeCard, kind: int) -> int:
        return self._answer(card, 1980 if kind == self.NVML_CLOCK_SM else 2619)

    def nvmlDeviceGetCurrentClocksEventReasons(self, card: FakeCard) -> int:
        return self._answer(card, card.throttle(self.clock()))

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.00"

    def nvmlDeviceGetEnforcedPowerLimit(self, card: FakeCard) -> int:
        return self._answer(card, card.power_limit_mw)

    def nvmlDeviceGetPowerManagementDefaultLimit(self, card: FakeCard) -> int:
        return self._answer(card, 700_000)

    def nvmlDeviceGetPersistenceMode(self, card: FakeCard) -> int:
        return self._answer(card, card.persistence)

    def nvmlDeviceGetComputeRunningProcesses(self, card: FakeCard) -> list[SimpleNamespace]:
        pids = self._answer(card, card.pids, missing=card.pids is None)
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in pids]


def poll(meter: Meter, clock: FakeClock, seconds: float) -> list[Sample]:
    """What the sampler's thread would collect in `seconds` of virtual time."""
    samples = []
    end = clock() + seconds
    while clock() < end:
        begin = clock()
        samples.append(meter.read())
        clock.sleep(max(0.0, meter.poll_s - (clock() - begin)))
    return samples
