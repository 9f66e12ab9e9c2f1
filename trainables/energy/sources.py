"""Which meter a device gets: NVML counter, NVML power, RAPL, or an estimate; the row names the source."""

from typing import TYPE_CHECKING, Any, Literal

from search_spaces.errors import UsageError, check
from trainables.energy.meter import Meter, SensorUnavailable
from trainables.energy.meters.estimate import EstimateMeter
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.meters.rapl import RaplMeter

if TYPE_CHECKING:
    import torch


def open_meter(
    device: Literal["cuda", "cpu"],
    cuda_uuid: str | None = None,
    assumed_watts: float | None = None,
    *,
    nvml: Any = None,
) -> Meter:
    """The best meter the device has.

    cuda: NVML (energy counter where the card has one, otherwise power) of the card `cuda_uuid`; failing that,
    an estimate of `assumed_watts`. cpu: RAPL; failing that, an estimate of `assumed_watts` or of a documented
    default. A sensor is preferred to `assumed_watts`. For cuda, build it before the context and call
    `context_created()` after.

    Raises UsageError for MIG, an unknown UUID, or a GPU that has neither sensor nor assumed watts.
    """
    check(device in ("cuda", "cpu"), "device must be cuda or cpu", device, "see --help")
    try:
        if device == "cpu":
            return RaplMeter()
        check(bool(cuda_uuid), "a CUDA device is metered by its UUID", cuda_uuid, "pass the device's uuid")
        return NvmlMeter(str(cuda_uuid), nvml=nvml)
    except SensorUnavailable as error:
        if device == "cuda" and assumed_watts is None:
            raise UsageError(
                f"energy of the GPU cannot be measured ({error}); run `python -m tuner.doctor`, or give the "
                "watts to assume, and every number will be marked as estimated"
            ) from error
        name = "GPU without a sensor" if device == "cuda" else None
        return EstimateMeter(assumed_watts, name=name, why=str(error))


def meter_of(device: "torch.device", assumed_watts: float | None = None) -> Meter:
    """The meter of this process's device. It comes before the context: only so can foreign processes be told apart."""
    import torch

    if device.type == "cpu":
        return open_meter("cpu", assumed_watts=assumed_watts)
    meter = open_meter("cuda", str(torch.cuda.get_device_properties(device).uuid), assumed_watts)
    torch.zeros(1, device=device)
    torch.cuda.synchronize(device)
    meter.context_created()
    return meter
