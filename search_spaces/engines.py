"""Engines of others that execute a model: the package that brings one, and where it computes in what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

ONNX = ("onnx", "1.18")  # PyTorch writes graphs with it


@dataclass(frozen=True)
class Engine:
    """Brought by an extra of this project of the same name as the backend, for a CPU.

    `packages`: kind of device -> the distributions that bring it there, each enough by itself, the first of which is
    advised. `precisions`: kind of device -> those that it computes in. `packed`: kinds of device where it takes packed
    batches.
    """

    name: str
    least: str  # version; older ones were not tried
    packages: Mapping[str, tuple[str, ...]]
    precisions: Mapping[str, tuple[str, ...]]
    packed: tuple[str, ...]

    def refuses(self, precision: str, padding: str, device: str) -> str | None:
        """Why it cannot run such a configuration on a kind of device; None where it can."""
        if device not in self.precisions:
            return f"{self.name} needs a CPU"
        on = "a CPU" if device == "cpu" else device.upper()
        if precision not in self.precisions[device]:
            return f"{self.name} computes in {', '.join(self.precisions[device])} on {on}, not in {precision}"
        if padding == "packed" and device not in self.packed:
            return f"{self.name} takes no packed batches on {on}; use padding longest"
        return None

    @property
    def any_precision(self) -> tuple[str, ...]:
        """On some kind of device."""
        return tuple(dict.fromkeys(name for names in self.precisions.values() for name in names))

    def installed(self, device: str) -> tuple[str, str] | None:
        """The distribution that brings it, and its version; None where there is none."""
        for name in self.packages.get(device, ()):
            if (found := _version(name)) is not None:
                return name, found
        return None

    def lacks(self, device: str) -> str:
        """What is missing for it here and the command that installs it, in a line; "" where nothing is."""
        if device not in self.packages:
            return ""
        wanted = ((self.packages[device][0], self.least, self.installed(device)), (*ONNX, ("onnx", _version("onnx"))))
        for name, least, found in wanted:
            have = found[1] if found else None
            if have is None or _numbers(have) < _numbers(least):
                what = "it is not installed" if have is None else f"{have} is installed"
                return f"{self.name} needs the package {name} {least} or newer, but {what}; {self.install(device)}"
        return ""

    def install(self, device: str) -> str:
        """The command that installs it."""
        if device == "cpu":
            return f"pip install 'jouletune[{self.name}]'"
        name, others = self.packages[device][0], [p for p in self.packages["cpu"] if p not in self.packages[device]]
        return f"pip uninstall {' '.join(others)}, then pip install {name} {ONNX[0]}"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))


ONNXRUNTIME = Engine(
    "onnxruntime",
    "1.30",
    {"cpu": ("onnxruntime", "onnxruntime-gpu"), "cuda": ("onnxruntime-gpu",)},
    {"cpu": ("fp32", "int8"), "cuda": ("fp32", "fp16")},
    packed=("cpu",),
)
OPENVINO = Engine("openvino", "2026.0", {"cpu": ("openvino",)}, {"cpu": ("fp32", "bf16", "int8")}, packed=("cpu",))
