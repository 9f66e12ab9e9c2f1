"""Where a run was made: cards, versions, git commit, digests. Written to environment.json before any trial."""

import hashlib
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.models import named_models
from search_spaces.sweep_config import SweepConfig
from trainables.energy.meter import SensorUnavailable
from trainables.energy.meters.cpu import usable_cores
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.meters.nvml_library import handles, load_nvml, stop_nvml

CONFIRM_DATA = "confirm_data"  # among the digests: a file of any name
PACKAGES = (
    *("ray", "torch", "triton", "transformers", "tokenizers", "datasets", "nvidia-ml-py"),
    *("onnxruntime", "onnxruntime-gpu", "openvino"),
    *("optuna", "pandas", "moocore", "statsmodels"),
)


def describe(config: SweepConfig, machines: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Facts about this code and the machines that measure (`machine`; default: this one); the command and digests
    name files as they were given."""
    measuring = machines or [machine()]
    several = len(measuring) > 1
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "gpus": [({"host": m["host"]} if several else {}) | gpu for m in measuring for gpu in m["gpus"]],
        "cpu": ", ".join(dict.fromkeys(m["cpu"] for m in measuring)),
        "cores": sorted({m["cores"] for m in measuring}),
        "hosts": [m["host"] for m in measuring],
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "git_commit": _git_commit(),
        "command": sys.argv[1:],
        "digests": digests(config),
    }


def machine() -> dict[str, Any]:
    """The cards, processor, cores that may be used (an estimate's watts follow from them) and name of this machine."""
    return {"host": socket.gethostname(), "cpu": _cpu_name(), "cores": usable_cores(), "gpus": _gpus()}


def _gpus() -> list[dict[str, Any]]:
    """Every card NVML shows, as a meter describes it; a card that cannot be metered says why."""
    try:
        nvml = load_nvml()
        nvml.nvmlInit()
        uuids = [uuid for uuid, _ in handles(nvml)]
    except Exception:  # no library or no driver: no cards
        return []
    found: list[dict[str, Any]] = []
    for uuid in uuids:
        try:
            meter = NvmlMeter(uuid)
        except (SensorUnavailable, UsageError) as error:
            found.append({"uuid": uuid, "cannot_measure": str(error)})
            continue
        found.append({"name": meter.device.name, "uuid": uuid, "source": meter.source, **meter.device.details})
        meter.close()
    stop_nvml(nvml)
    return found


def package_version(name: str) -> str | None:
    """The installed version, None where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def digests(config: SweepConfig) -> dict[str, str]:
    """sha256 of every local input file: data, model, checkpoint. Hub inputs are named by their id alone."""
    found = {}
    data = [("data", config.data_dir)] if config.data_dir else []
    for role, source in (*data, *local_sources(config)):
        if Path(source).is_dir():
            for file in sorted(p for p in Path(source).iterdir() if p.is_file()):
                found[f"{role}/{file.name}"] = _sha256(file)
    if config.confirm_data and Path(config.confirm_data).is_file():
        found[CONFIRM_DATA] = _sha256(Path(config.confirm_data))
    return found


def local_sources(config: SweepConfig) -> list[tuple[str, str]]:
    """(what its files are called in the digests, where they may be) of every model: "model", or of several
    "model mpnet"."""
    given = (("model", config.model), ("checkpoint", config.checkpoint or ()))
    return [
        (role if len(texts) == 1 else f"{role} {model.name}", model.source)
        for role, texts in given
        for model in named_models(texts)
    ]


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _git_commit() -> str | None:
    """The commit of this code, with "+" where files differ from it; outside a checkout what GIT_COMMIT says."""
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str | None:
        try:
            command = ["git", "-C", str(root), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=10)  # noqa: S603 (fixed words)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return os.environ.get("GIT_COMMIT")
    return commit + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
