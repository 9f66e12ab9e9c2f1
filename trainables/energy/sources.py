"""The sources of energy: what a meter reads, each entered once. Standard library alone: `analysis` reads it.

A new meter is a file of `meters/` and an entry here for each thing it reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from search_spaces.registry import Registry

# Clock-event bits (nvmlClocksEventReasons in nvml.h) of each flag. HwThermalSlowdown is heat and hardware.
NVML_THROTTLE: Mapping[str, int] = {
    "power_capped": 0x4,  # SwPowerCap
    "thermal_throttled": 0x20 | 0x40,  # SwThermalSlowdown, HwThermalSlowdown
    "hw_slowdown": 0x8 | 0x40 | 0x80,  # HwSlowdown, HwThermalSlowdown, HwPowerBrakeSlowdown
}


@dataclass(frozen=True)
class EnergySource:
    """What a row's energy was read from.

    `meter` is the module of its meter, imported when one is wanted: its `open_meter(target)` returns a Meter of this
    source, or raises SensorUnavailable. Measuring sources are tried in their order, an estimate last.
    """

    name: str
    words: str
    meter: str
    devices: tuple[str, ...]  # torch's kinds of device that it meters
    kind: str  # what was metered: energies of one kind may be compared
    scope: str = ""  # what the energy is of, and what it leaves out: ends "Energy is ..."
    measured: bool = True  # by a sensor; otherwise power is assumed
    counter: bool = False  # cumulative energy; otherwise power is integrated
    resolution_j: float = 1e-3  # of a counter, at most
    checked_by_power: bool = False  # a counter: power is read beside it
    throttle: Mapping[str, int] = field(default_factory=dict)  # flag -> bits of `Sample.throttle` that set it


_BEFOREHAND = "for inputs that were tokenised beforehand"
_GPU_ALONE = (
    f"that of the GPU alone, {_BEFOREHAND} and lay in its memory: tokenising, the host, losses of the power supply and "
    "cooling are not counted"
)

_CPU_ALONE = (
    f"that of the CPU package alone, {_BEFOREHAND}: tokenising, memory, board, losses of the power supply and cooling "
    "are not counted"
)

# The Green Algorithms calculator (Lannelongue, Grealey, Inouye 2021, doi:10.1002/advs.202100707) uses 12 W of
# TDP per core where the processor is not known: data/latest/TDP_cpu.csv, model "Any". Known: 4 to 24 W.
WATTS_PER_CORE = 12.0

ESTIMATE = "estimate"  # the source that measures nothing

SOURCES: Registry[EnergySource] = Registry(
    "an energy source",
    (
        EnergySource(
            "nvml_counter",
            "the card's own total-energy counter (NVML)",
            meter="trainables.energy.meters.nvml",
            devices=("cuda",),
            kind="card",
            scope=_GPU_ALONE,
            counter=True,
            checked_by_power=True,
            throttle=NVML_THROTTLE,
        ),
        EnergySource(
            "nvml_power",
            "the card's power readings, integrated (NVML)",
            meter="trainables.energy.meters.nvml",
            devices=("cuda",),
            kind="card",
            scope=_GPU_ALONE,
            throttle=NVML_THROTTLE,
        ),
        EnergySource(
            "rapl",
            "the CPU package's energy counter (RAPL)",
            meter="trainables.energy.meters.rapl",
            devices=("cpu",),
            kind="cpu",
            scope=_CPU_ALONE,
            counter=True,  # of 15 to 61 uJ
        ),
        EnergySource(
            ESTIMATE,
            "no sensor: an assumed power times the busy time",
            meter="trainables.energy.meters.estimate",
            devices=("cuda", "cpu"),
            kind=ESTIMATE,
            scope=f"estimated and not measured, an assumed power times the time, {_BEFOREHAND}",
            measured=False,
        ),
    ),
    remedy="enter it in trainables/energy/sources.py",
)


def words_of(name: object, unknown: str) -> str:
    """What a source is in words; `unknown` for a table that names none, or another."""
    source = SOURCES.get(str(name))
    return unknown if source is None else source.words


def kinds() -> dict[str, str]:
    """What each source metered, by its name: energies of one kind may be compared."""
    return {source.name: source.kind for source in SOURCES.values()}


def estimates() -> list[str]:
    """Names of the sources without a sensor."""
    return [source.name for source in SOURCES.values() if not source.measured]
