"""Processor packages through Linux powercap (RAPL): cumulative microjoules in sysfs, new about every 1 ms.

Source: kernel documentation, power/powercap/powercap.rst; Intel SDM vol. 3B, "Platform Specific Power
Management Support" (update interval about 1 ms). AMD Zen has the same interface. DRAM and the rest of the
machine are not in the package.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainables.energy.meter import DeviceInfo, Meter, MeterError, Sample, SensorUnavailable, Target
from trainables.energy.meters.cpu import cpu_name

POWERCAP = Path("/sys/class/powercap")
COUNTS_WITHIN_S = 0.02  # twenty of its updates
MAKE_READABLE = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"  # root only since CVE-2020-8694


@dataclass
class _Zone:
    """One package. `offset_uj` grows by the range each time the counter wraps around.

    It is read far too often to gain half of its range between two reads: a counter that seems to has started again, and
    goes backwards here, too.
    """

    path: Path
    range_uj: int
    last_uj: int
    offset_uj: int = 0

    def read_uj(self) -> int:
        now = int((self.path / "energy_uj").read_text())
        if now < self.last_uj and 0 < self.range_uj - self.last_uj + now < self.range_uj / 2:
            self.offset_uj += self.range_uj
        self.last_uj = now
        return self.offset_uj + now


class RaplMeter(Meter):
    """All packages summed. Raises SensorUnavailable where there is none, or it may not be read.

    The counter wraps after tens of kilojoules (minutes under load). It is read far more often, so at most one
    wrap lies between two reads of a trace.
    """

    source = "rapl"
    tick_s = 0.001
    poll_s = 0.01

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._zones = [_open(path) for path in package_zones(root)]
        if not self._zones:
            raise SensorUnavailable(f"no RAPL package under {root} (virtual machine, or not Linux on x86)")
        self.device = DeviceInfo(cpu_name(), None, {"rapl_zones": [z.path.name for z in self._zones]})

    def read(self) -> Sample:
        begin = self._clock()
        try:
            energy_uj = sum(zone.read_uj() for zone in self._zones)
        except (OSError, ValueError) as error:
            raise MeterError(f"reading RAPL failed: {error}") from error
        end = self._clock()
        return Sample((begin + end) / 2, end - begin, energy_j=energy_uj / 1e6)

    def foreign_processes(self) -> bool | None:
        """A processor always runs other processes; how much they drew cannot be told."""
        return None


def open_meter(target: Target) -> RaplMeter:
    """The meter of the processor; see `RaplMeter`."""
    return RaplMeter()


def package_zones(root: Path = POWERCAP) -> list[Path]:
    """Top-level package zones: not their core and DRAM parts, and not the mmio view of the same package.

    Zones without a name are none (containers mask what they link to). SensorUnavailable where only some have one: a
    sum that may lack a package is no energy.
    """
    try:
        zones = sorted(p for p in root.glob("intel-rapl:*") if p.name.count(":") == 1)
    except OSError as error:
        raise SensorUnavailable(f"RAPL cannot be read: {error}") from error
    names = {zone: _name(zone) for zone in zones}
    packages = [zone for zone, name in names.items() if name.startswith("package")]
    nameless = [zone.name for zone, name in names.items() if not name]
    if packages and nameless:
        raise SensorUnavailable(f"RAPL cannot be read: {', '.join(nameless)} has no name, and may be a package")
    return packages


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text(errors="replace").strip()
    except OSError:
        return ""


def _open(path: Path) -> _Zone:
    limit, now = (_number(path / name) for name in ("max_energy_range_uj", "energy_uj"))
    if now == 0:
        time.sleep(COUNTS_WITHIN_S)
        now = _number(path / "energy_uj")
    if now == 0:
        raise SensorUnavailable(f"RAPL does not count: {path / 'energy_uj'} reads 0 (a virtual machine?)")
    return _Zone(path, limit, now)


def _number(path: Path) -> int:
    """The whole number that the file holds."""
    try:
        text = path.read_text(errors="replace")
    except PermissionError as error:
        raise SensorUnavailable("RAPL may not be read", f"make it readable: {MAKE_READABLE}") from error
    except OSError as error:
        raise SensorUnavailable(f"RAPL cannot be read: {error}") from error
    try:
        return int(text)
    except ValueError:
        raise SensorUnavailable(f"RAPL cannot be read: {path} must hold a number, but has {text[:20]!r}") from None
