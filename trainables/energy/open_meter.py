"""Which meter a device gets: the first sensor of its kind that can be read, else an estimate."""

from dataclasses import replace
from importlib import import_module

import torch

from search_spaces.errors import UsageError, check
from trainables.energy.meter import Meter, SensorUnavailable, Target
from trainables.energy.sources import SOURCES


def open_meter(device: str, cuda_uuid: str | None = None, assumed_watts: float | None = None) -> Meter:
    """The best meter of a device ("cuda" or "cpu").

    cuda: NVML (energy counter where the card has one, otherwise power) of the card `cuda_uuid`; failing that, an
    estimate of `assumed_watts`. cpu: RAPL; failing that, an estimate of `assumed_watts` or of a documented default. A
    sensor is preferred to `assumed_watts`. For cuda, build it before the context and call `context_created()` after.

    Raises UsageError for MIG, an unknown UUID, or a GPU that has neither sensor nor assumed watts.
    """
    kinds = sorted({kind for source in SOURCES.values() for kind in source.devices})
    check(device in kinds, f"a device must be one of {', '.join(kinds)}", device, "see --help")
    target = Target(device, cuda_uuid, assumed_watts)
    by_preference = sorted(SOURCES.values(), key=lambda source: not source.measured)
    for module in dict.fromkeys(source.meter for source in by_preference if device in source.devices):
        try:
            meter: Meter = import_module(module).open_meter(target)
        except SensorUnavailable as error:
            target = replace(target, no_sensor="; ".join(filter(None, [target.no_sensor, str(error)])))
            continue
        SOURCES[meter.source]  # one that is not entered would measure what nobody can read
        return meter
    raise UsageError(f"energy of {device} cannot be measured ({target.no_sensor}); run `python -m tuner.doctor`")


def meter_of(device: torch.device, assumed_watts: float | None = None) -> Meter:
    """The meter of this process's device. It comes before the context: only so can foreign processes be told apart."""
    if device.type == "cpu":
        return open_meter("cpu", assumed_watts=assumed_watts)
    meter = open_meter("cuda", str(torch.cuda.get_device_properties(device).uuid), assumed_watts)
    torch.zeros(1, device=device)
    torch.cuda.synchronize(device)
    meter.context_created()
    return meter
