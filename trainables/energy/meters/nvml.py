"""An NVIDIA card through NVML (`pynvml`, imported when a meter is built).

What was measured on an H100 (2026-11, driver 580) shapes this file: the energy counter ticks every 100 ms and one read
takes 3.3 ms; power fields change every 100 ms and read in microseconds. Plain power is a trailing 1 s average on Ada
and Hopper, so the instantaneous field is preferred.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from search_spaces.errors import UsageError, check
from trainables.energy.meter import DeviceInfo, Meter, MeterError, Sample, SensorUnavailable, Target
from trainables.energy.meters.nvml_library import (
    ask,
    faults,
    handles,
    load_nvml,
    mig_enabled,
    start_nvml,
    stop_nvml,
    text_of,
)
from trainables.energy.processes import ProcessWatch

if TYPE_CHECKING:
    from trainables.energy.child import ChildReader

POWER_INSTANT_FIELD = 186  # NVML_FI_DEV_POWER_INSTANT, mW
CLOCK_SM, CLOCK_MEM, TEMPERATURE_GPU = 1, 2, 0  # NVML's own numbers, for packages that do not name them
POLL_S = 0.010  # a tick's time is known to (poll + read) / 2: about 7 ms, 4 J at 600 W
POWER_TICK_S = 0.1  # power readings change this often
SLOW_EVERY_S = 0.5  # temperature, clock and throttle reasons: seconds matter there, not milliseconds
TICK_LIMIT_S = 1.5  # longest search for the counter's tick
TICKS_WANTED = 5


class NvmlMeter(Meter):
    """One card, found by the UUID of its CUDA device.

    Build it before the CUDA context exists and call `context_created()` after: only so can foreign processes
    be told in a container (`processes.py`).

    `cuda_uuid` may be str(torch.cuda.get_device_properties(i).uuid), with or without the "GPU-" prefix.
    `tick_s` (s) spares the search for the counter's tick where it is known. `nvml` and the clock are for tests.
    Raises SensorUnavailable without NVML or any energy reading on the card, UsageError for an unknown UUID and MIG.
    """

    poll_s = POLL_S
    child: "ChildReader | None" = None

    def __init__(
        self,
        cuda_uuid: str,
        *,
        tick_s: float | None = None,
        nvml: Any = None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._nvml = nvml if nvml is not None else load_nvml()
        self._clock, self._sleep = clock, sleep
        self._faults = faults(self._nvml)
        self._uuid, self._handle = _find(self._nvml, cuda_uuid)
        self._unavailable: dict[str, str] = {}  # reading -> why the card does not give it
        self._counter = self._probe("energy_counter", self._read_counter_j)
        self._power = self._probe("power_instant", self._read_instant_w)
        self.power_reading = "instant"
        if self._power is None:
            self._power = self._probe("power_usage", self._read_usage_w)
            self.power_reading = "usage" if self._power else "none"
        self._temperature = self._probe("temperature", self._read_temperature_c)
        self._clock_mhz = self._probe("sm_clock", self._read_sm_clock_mhz)
        self._throttle = self._probe("clock_event_reasons", self._read_throttle)
        self._slow: tuple[float | None, float | None, int] = (None, None, 0)
        self._slow_due_s = float("-inf")
        self._limit_w: float | None = None

        if self._counter and tick_s is None:
            try:
                tick_s = self._find_tick()
                reason = f"stuck: it did not tick in {TICK_LIMIT_S} s"
            except self._faults as error:
                reason = str(error)
            if tick_s is None:
                self._unavailable["energy_counter"] = reason
                self._counter = None
        if self._counter is None and self._power is None:
            self.close()
            why = "; ".join(f"{name}: {reason}" for name, reason in self._unavailable.items())
            raise SensorUnavailable(f"the card reports neither energy nor power ({why})")
        self.source = "nvml_counter" if self._counter else "nvml_power"
        self.tick_s = POWER_TICK_S if tick_s is None else tick_s
        self.device = self._describe()
        self._processes = ProcessWatch(self.compute_pids)

    # -- readings -------------------------------------------------------------------------------------------

    def read(self) -> Sample:
        """Counter and power now; temperature, clock and throttle bits as of the last half second."""
        try:
            begin = self._clock()
            # Beside a counter power is a second opinion: a reading that fails is missing.
            power = self._now(self._power) if self._counter else self._power() if self._power else None
            energy = self._counter() if self._counter else None
            end = self._clock()
        except self._faults as error:
            raise MeterError(f"NVML failed on {self.device.uuid}: {error}") from error
        if begin >= self._slow_due_s:
            self._slow_due_s = begin + SLOW_EVERY_S
            self._slow = (self._now(self._temperature), self._now(self._clock_mhz), int(self._now(self._throttle) or 0))
        temperature, clock_mhz, throttle = self._slow
        return Sample((begin + end) / 2, end - begin, energy, power, temperature, clock_mhz, throttle)

    def _now(self, reading: Callable[[], float] | None) -> float | None:
        """The reading, None where the card does not give it or does not give it now."""
        try:
            return reading() if reading else None
        except self._faults:
            return None

    def _read_counter_j(self) -> float:
        return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3

    def _read_instant_w(self) -> float:
        field = self._nvml.nvmlDeviceGetFieldValues(self._handle, [POWER_INSTANT_FIELD])[0]
        if field.nvmlReturn != 0:
            raise self._nvml.NVMLError(field.nvmlReturn)
        return float(field.value.uiVal) / 1e3

    def _read_usage_w(self) -> float:
        return float(self._nvml.nvmlDeviceGetPowerUsage(self._handle)) / 1e3

    def _read_temperature_c(self) -> float:
        return float(self._nvml.nvmlDeviceGetTemperature(self._handle, TEMPERATURE_GPU))

    def _read_sm_clock_mhz(self) -> float:
        return float(self._nvml.nvmlDeviceGetClockInfo(self._handle, CLOCK_SM))

    def _read_throttle(self) -> float:
        try:
            return float(self._nvml.nvmlDeviceGetCurrentClocksEventReasons(self._handle))
        except self._faults:  # drivers before 535, and old pynvml
            return float(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle))

    def _probe(self, name: str, reading: Callable[[], float]) -> Callable[[], float] | None:
        """The reading if the card gives it; else None, with the reason kept. Missing is no failure here."""
        try:
            value = reading()
        except self._faults as error:
            self._unavailable[name] = str(error)
            return None
        if name.startswith(("power", "energy")) and value <= 0:
            self._unavailable[name] = "reads 0, which no powered card can"
            return None
        return reading

    def _find_tick(self) -> float | None:
        """Median time between changes of the counter; None if it is stuck (even an idle card draws watts)."""
        changes: list[float] = []
        limit = self._clock() + TICK_LIMIT_S
        last = self._read_counter_j()
        while len(changes) <= TICKS_WANTED and self._clock() < limit:
            self._sleep(0.001)
            value = self._read_counter_j()
            if value != last:
                changes.append(self._clock())
                last = value
        return statistics.median(b - a for a, b in itertools.pairwise(changes)) if len(changes) > 1 else None

    # -- identity -------------------------------------------------------------------------------------------

    def _describe(self) -> DeviceInfo:
        nvml, handle = self._nvml, self._handle
        details: dict[str, object] = {
            "driver": text_of(ask(nvml, "nvmlSystemGetDriverVersion")),
            "power_limit_w": self.power_limit_w(),
            "default_power_limit_w": _watts(ask(nvml, "nvmlDeviceGetPowerManagementDefaultLimit", handle)),
            "persistence_mode": ask(nvml, "nvmlDeviceGetPersistenceMode", handle),
            "max_sm_clock_mhz": ask(nvml, "nvmlDeviceGetMaxClockInfo", handle, CLOCK_SM),
            "max_memory_clock_mhz": ask(nvml, "nvmlDeviceGetMaxClockInfo", handle, CLOCK_MEM),
            "power_reading": self.power_reading,
            "tick_s": self.tick_s,
            "unavailable": dict(self._unavailable),
        }
        return DeviceInfo(text_of(ask(nvml, "nvmlDeviceGetName", handle)) or "NVIDIA GPU", self._uuid, details)

    def power_limit_w(self) -> float | None:
        """Asked anew each time: a limit may be raised while a run goes on."""
        now = _watts(ask(self._nvml, "nvmlDeviceGetEnforcedPowerLimit", self._handle))
        if now and now > (self._limit_w or 0.0):
            self._limit_w = now
        return self._limit_w

    def compute_pids(self) -> frozenset[int] | None:
        """Who computes on the card (in a container perhaps the host's ids); None if not told."""
        try:
            return frozenset(p.pid for p in self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle))
        except self._faults:
            return None

    def read_in_child(self) -> None:
        """A thread would take the interpreter lock from the load."""
        from trainables.energy.child import ChildReader  # numpy and pyarrow: not for --help

        if self.child is None:
            self.child = ChildReader(f"{__name__}:reopen", (str(self.device.uuid), str(self.tick_s)))
            self.child.wait_for(1)

    def context_created(self) -> None:
        self._processes.context_created()

    def foreign_processes(self) -> bool | None:
        return self._processes.foreign()

    def close(self) -> None:
        """End the reading process and release NVML (it counts its users)."""
        if self.child is not None:
            self.child.close()
            self.child = None
        stop_nvml(self._nvml)


def open_meter(target: Target) -> NvmlMeter:
    """The meter of the card that is the target's CUDA device; see `NvmlMeter`."""
    check(bool(target.uuid), "a CUDA device is metered by its UUID", target.uuid, "pass the device's uuid")
    return NvmlMeter(str(target.uuid))


def reopen(uuid: str, tick_s: str) -> NvmlMeter:
    """The meter once more, in the process that reads it."""
    return NvmlMeter(uuid, tick_s=float(tick_s))


def _find(nvml: Any, cuda_uuid: str) -> tuple[str, Any]:
    """UUID and handle of the card; NVML is left initialised."""
    start_nvml(nvml)
    wanted = str(cuda_uuid).strip().removeprefix("GPU-").lower()
    try:
        shown = dict(handles(nvml))
    except SensorUnavailable:
        stop_nvml(nvml)
        raise
    for uuid, handle in shown.items():
        if uuid.removeprefix("GPU-").lower() != wanted:
            continue
        if mig_enabled(nvml, handle):
            stop_nvml(nvml)
            raise UsageError(
                f"a card must have MIG disabled, because its counter is the whole card's, but {uuid} has MIG "
                f"enabled; disable it (as root: nvidia-smi -i {uuid} -mig 0) or choose a card without MIG"
            )
        return uuid, handle
    stop_nvml(nvml)
    raise UsageError(
        f"the CUDA device must be a card that NVML shows ({', '.join(shown) or 'none'}), but got "
        f"{cuda_uuid!r}; a MIG instance has no counter of its own: name a whole card in CUDA_VISIBLE_DEVICES"
    )


def _watts(milliwatts: Any) -> float | None:
    return None if milliwatts is None else milliwatts / 1e3
