"""The package `pynvml` as it is found: NVIDIA's own in any version, an old one that answers bytes, or another's."""

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from trainables.energy.meter import SensorUnavailable

REINSTALL = "remove it and install NVIDIA's: pip uninstall pynvml; pip install --force-reinstall nvidia-ml-py"


def load_nvml() -> ModuleType:
    """`pynvml`. Raises SensorUnavailable where it cannot be imported, or is another package of that name."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError as error:
        raise SensorUnavailable("pynvml is not installed", "pip install nvidia-ml-py") from error
    except Exception as error:  # an old one, of Python 2: whatever it does when it is imported
        raise SensorUnavailable(f"pynvml cannot be imported ({type(error).__name__}: {error})", REINSTALL) from error
    if not all(hasattr(nvml, name) for name in ("NVMLError", "nvmlInit", "nvmlDeviceGetCount")):
        where = getattr(nvml, "__file__", None) or "a folder without code"
        raise SensorUnavailable(f"the package pynvml is not NVIDIA's ({where})", REINSTALL)
    return nvml


def start_nvml(nvml: Any) -> None:
    """Initialise NVML (it counts its users). Raises SensorUnavailable without a library or driver."""
    try:
        nvml.nvmlInit()
    except faults(nvml) as error:
        raise SensorUnavailable(f"NVML: {error}", "install NVIDIA's driver if there is a card") from error


def stop_nvml(nvml: Any) -> None:
    """Release NVML; nothing depends on whether it takes note."""
    with contextlib.suppress(*faults(nvml)):
        nvml.nvmlShutdown()


def faults(nvml: Any) -> tuple[type[Exception], ...]:
    """What a call of NVML may raise: its own error; with an old `pynvml`, an answer cut short or one that it cannot
    decode, also Python's."""
    return (nvml.NVMLError, AttributeError, TypeError, ValueError, LookupError)


def handles(nvml: Any) -> Iterator[tuple[str, Any]]:
    """(UUID, handle) of every card NVML shows; NVML must be initialised. SensorUnavailable if it cannot be asked."""
    try:
        indices = range(nvml.nvmlDeviceGetCount())
    except faults(nvml) as error:
        raise SensorUnavailable(f"NVML does not say which cards there are: {error}", "see dmesg") from error
    for index in indices:
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            uuid = text_of(nvml.nvmlDeviceGetUUID(handle))
        except faults(nvml):  # a card that is lost does not hide the others
            continue
        if uuid:
            yield uuid, handle


def mig_enabled(nvml: Any, handle: Any) -> bool:
    mode = ask(nvml, "nvmlDeviceGetMigMode", handle)  # (current, pending); not supported on most cards
    return bool(mode and mode[0])


def ask(nvml: Any, question: str, *arguments: Any) -> Any:
    """The answer, or None where the package, driver or card does not give it."""
    try:
        return getattr(nvml, question)(*arguments)
    except faults(nvml):
        return None


def text_of(value: Any) -> str | None:
    """Old versions of `pynvml` answer bytes."""
    if value is None:
        return None
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
