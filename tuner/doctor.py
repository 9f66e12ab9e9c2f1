"""python -m tuner.doctor: can energy be measured here, and if not, what to do? Run this first.

Every line has a verdict: ok, warning (numbers hold, but read the remedy) or cannot measure. The exit code is
0 only when some device's energy can be measured. Each card is read for about two seconds; nothing is changed.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import tyro

from search_spaces.backends import BACKENDS
from search_spaces.command_line import check_known
from search_spaces.errors import UsageError
from trainables.energy.meter import Meter, MeterError, SensorUnavailable, Target
from trainables.energy.meters.cpu import cpu_name, usable_cores
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.meters.nvml_library import handles, load_nvml, start_nvml, stop_nvml
from trainables.energy.meters.rapl import POWERCAP, RaplMeter
from trainables.energy.sources import SOURCES
from tuner.cli import run_command
from tuner.cluster.visible import VARIABLE, complaint, named, usable

Verdict = Literal["ok", "warning", "cannot measure"]


@dataclass(frozen=True)
class Line:
    subject: str  # a device, or the software
    check: str
    value: str
    verdict: Verdict = "ok"
    remedy: str = ""


@dataclass(frozen=True)
class Diagnosis:
    lines: tuple[Line, ...]
    sources: dict[str, str]  # subject -> what its energy would be read from

    @property
    def can_measure(self) -> bool:
        return bool(self.sources)


def diagnose(nvml: Any = None, powercap: Path = POWERCAP, **clock: Callable[..., Any]) -> Diagnosis:
    """Look at every card, the processor and the software. The arguments are for tests."""
    lines: list[Line] = []
    sources: dict[str, str] = {}
    cards: list[str] = []
    try:
        nvml = load_nvml() if nvml is None else nvml
        cards = _card_uuids(nvml)
        for index, uuid in enumerate(cards):  # NVML's index, for reading only: devices are matched by UUID
            lines += _card(nvml, uuid, f"GPU {index}", sources, clock)
        if not cards:
            lines.append(Line("GPU", "cards", "none", "cannot measure", "NVML works but shows no card"))
    except SensorUnavailable as error:
        lines.append(Line("GPU", "driver", error.reason, "cannot measure", error.remedy))
    lines += _visible_devices(cards)
    lines += _processor(powercap, sources)
    lines += _other_sensors(sources)
    lines += _software(len(cards))
    lines += _engines("cuda" if cards else "cpu")
    return Diagnosis(tuple(lines), sources)


def _card_uuids(nvml: Any) -> list[str]:
    start_nvml(nvml)
    try:
        return [uuid for uuid, _ in handles(nvml)]
    finally:
        stop_nvml(nvml)


def _card(nvml: Any, uuid: str, subject: str, sources: dict[str, str], clock: dict[str, Any]) -> Iterator[Line]:
    yield Line(subject, "UUID", uuid)
    try:
        meter = NvmlMeter(uuid, nvml=nvml, **clock)
    except UsageError as error:  # MIG
        yield Line(subject, "MIG", "enabled", "cannot measure", str(error).partition("; ")[2])
        return
    except SensorUnavailable as error:
        yield Line(subject, "energy", error.reason, "cannot measure", error.remedy)
        return
    try:
        yield from _readings(meter, subject, clock)
        sources[subject] = meter.source
    except MeterError as error:
        yield Line(subject, "energy", str(error), "cannot measure", "see dmesg and nvidia-smi")
    finally:
        meter.close()


def _readings(meter: NvmlMeter, subject: str, clock: dict[str, Any]) -> Iterator[Line]:
    facts = meter.device.details
    missing: Any = facts["unavailable"]
    sample = meter.read()
    yield Line(subject, "name", meter.device.name)
    yield Line(subject, "driver", str(facts["driver"]))
    yield Line(subject, "MIG", "disabled")
    if SOURCES[meter.source].counter:
        yield Line(subject, "energy counter", f"ticks every {meter.tick_s * 1e3:.0f} ms")
    else:
        remedy = "energy will be integrated power: prefer windows of 10 s"
        yield Line(subject, "energy counter", missing["energy_counter"], "warning", remedy)
    if meter.power_reading == "instant":
        yield Line(subject, "power", f"instantaneous, {sample.power_w:.1f} W now")
    elif meter.power_reading == "usage":
        remedy = "averaged over up to 1 s on recent cards: trust the counter, and windows of 10 s"
        yield Line(subject, "power", f"plain reading, {sample.power_w:.1f} W now", "warning", remedy)
    else:
        remedy = "the counter stands alone: no second reading to check it against"
        yield Line(subject, "power", missing["power_usage"], "warning", remedy)

    limit: Any = facts["power_limit_w"]
    default: Any = facts["default_power_limit_w"]
    if limit is None or default is None or limit == default:
        shown = "unknown" if limit is None else f"{limit:.0f} W"
        yield Line(subject, "power limit", shown)
    else:
        undo = f"sudo nvidia-smi -i {meter.device.uuid} -pl {default:.0f}"
        remedy = f"compare only with cards limited alike, or: {undo}"
        yield Line(subject, "power limit", f"{limit:.0f} W, by default {default:.0f} W", "warning", remedy)
    if facts["persistence_mode"] is None:
        yield Line(subject, "persistence", "unknown")
    elif facts["persistence_mode"]:
        yield Line(subject, "persistence", "on")
    else:
        remedy = f"sudo nvidia-smi -i {meter.device.uuid} -pm 1 keeps the driver loaded between trials"
        yield Line(subject, "persistence", "off", "warning", remedy)
    if sample.sm_clock_mhz is not None:
        yield Line(subject, "SM clock", f"{sample.sm_clock_mhz:.0f} MHz of at most {facts['max_sm_clock_mhz']} MHz")
    if sample.temperature_c is not None:
        yield Line(subject, "temperature", f"{sample.temperature_c:.0f} C")

    from trainables.energy.idle import idle_power_w  # numpy and pyarrow: not for --help

    idle_w = idle_power_w(meter, 1.0, **clock)
    yield Line(subject, "idle", "unknown" if idle_w is None else f"{idle_w:.1f} W, without a CUDA context")
    pids = meter.compute_pids()
    if pids is None:
        remedy = "rows will carry foreign_process_unknown: make sure yourself that the card is yours"
        yield Line(subject, "other processes", "the driver does not say", "warning", remedy)
    elif pids:
        listed = ", ".join(str(pid) for pid in sorted(pids))
        remedy = "they share the card's energy: stop them, or choose another card"
        yield Line(subject, "other processes", f"{len(pids)} compute ({listed})", "warning", remedy)
    else:
        yield Line(subject, "other processes", "none shown")


def _visible_devices(cards: Sequence[str]) -> Iterator[Line]:
    visible = os.environ.get(VARIABLE)
    if visible is None or not cards:
        return
    entries = named()
    said = (
        complaint(entries, usable(entries, cards)) if entries else "torch sees no card, so sweeps run on the processor"
    )
    if said:
        yield Line("GPU", VARIABLE, repr(visible), "warning", f"unset it: {said}")
    else:
        yield Line("GPU", VARIABLE, visible)


def _processor(powercap: Path, sources: dict[str, str]) -> Iterator[Line]:
    yield Line("CPU", "name", f"{cpu_name()}, {usable_cores()} cores usable")
    try:
        meter: Meter = RaplMeter(powercap)
        meter.read()
    except (SensorUnavailable, MeterError) as error:
        remedy = getattr(error, "remedy", "") or "CPU energy will be estimated (watts x time) and marked so"
        yield Line("CPU", "RAPL", getattr(error, "reason", str(error)), "cannot measure", remedy)
        return
    zones: Any = meter.device.details["rapl_zones"]
    yield Line("CPU", "RAPL", f"{len(zones)} package{'s' if len(zones) > 1 else ''} readable")
    sources["CPU"] = meter.source


def _other_sensors(sources: dict[str, str]) -> Iterator[Line]:
    """Whatever else is entered in `trainables.energy.sources`: can it be read?"""
    examined = {NvmlMeter.__module__, RaplMeter.__module__}
    others = [source for source in SOURCES.values() if source.measured and source.meter not in examined]
    for module, device in dict.fromkeys((source.meter, device) for source in others for device in source.devices):
        subject, sensor = device.upper(), module.rpartition(".")[2]
        try:
            meter: Meter = import_module(module).open_meter(Target(device))
            meter.read()
        except (SensorUnavailable, MeterError, UsageError) as error:
            reason, remedy = getattr(error, "reason", str(error)), getattr(error, "remedy", "")
            yield Line(subject, sensor, reason, "cannot measure", remedy)
            continue
        yield Line(subject, sensor, SOURCES[meter.source].words)
        sources.setdefault(subject, meter.source)
        meter.close()


def _software(cards: int) -> Iterator[Line]:
    yield Line("software", "python", sys.version.split()[0])
    for package in ("ray", "torch", "transformers"):
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Line("software", package, "missing", "warning", f"pip install {package}")
            continue
        if package == "torch" and "+cpu" in found and cards:
            remedy = "this build cannot use the card: install torch from PyPI or a CUDA index"
            yield Line("software", package, found, "warning", remedy)
        else:
            yield Line("software", package, found)
    try:
        yield Line("software", "amdsmi", version("amdsmi"), "warning", "Ray fails to import beside it: uninstall it")
    except PackageNotFoundError:
        return


def _engines(device: str) -> Iterator[Line]:
    """The backends that others' packages bring: which are here. None is needed."""
    for name, backend in BACKENDS.items():
        engine = backend.engine
        if engine is None:
            continue
        here = device if device in engine.packages else "cpu"
        found, lacks = engine.installed(here), engine.lacks(here)
        value = "not installed" if found is None else " ".join(found)
        yield Line("engines", name, value, "warning" if lacks and found else "ok", lacks and engine.install(here))


def as_text(diagnosis: Diagnosis) -> str:
    """One aligned block per device, and the answer at the end."""
    width = max(len(line.check) for line in diagnosis.lines)
    out: list[str] = []
    for subject, group in groupby(diagnosis.lines, key=lambda line: line.subject):
        out.append(subject)
        for line in group:
            out.append(f"  {line.verdict:<14}  {line.check:<{width}}  {line.value}")
            if line.remedy:
                out.append(f"  {'':<14}  {'':<{width}}  -> {line.remedy}")
        out.append("")
    if diagnosis.can_measure:
        by = ", ".join(f"{subject} by {source}" for subject, source in diagnosis.sources.items())
        out.append(f"Energy can be measured: {by}.")
    else:
        out.append("Energy cannot be measured here: sweeps estimate it (watts x time), and every output says so.")
    return "\n".join(out)


def as_json(diagnosis: Diagnosis) -> str:
    return json.dumps(
        {
            "can_measure": diagnosis.can_measure,
            "sources": diagnosis.sources,
            "checks": [asdict(line) for line in diagnosis.lines],
        },
        indent=2,
    )


@dataclass(frozen=True)
class Arguments:
    """Can energy be measured here, and if not, what to do? Exits with 0 only if it can."""

    json: bool = False
    """Print JSON instead of text."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    flags = (tyro.conf.FlagCreatePairsOff,)
    prog = "python -m tuner.doctor"
    arguments, unknown = tyro.cli(Arguments, prog=prog, args=argv, config=flags, return_unknown_args=True)
    check_known(unknown, Arguments, prog)
    diagnosis = diagnose()
    print(as_json(diagnosis) if arguments.json else as_text(diagnosis))
    return 0 if diagnosis.can_measure else 1


if __name__ == "__main__":
    run_command(main)
