"""What this device can run of an export, and what differs from what was measured."""

import os
import shutil
from dataclasses import replace

import torch

from search_spaces.backends import BACKENDS
from search_spaces.errors import UsageError
from search_spaces.precisions import PRECISIONS
from search_spaces.search_space import cannot_run
from search_spaces.trial_config import TrialConfig
from serving.bundle import Bundle
from trainables.backends.engine import lacking
from trainables.device import BackendError
from trainables.energy.meters.cpu import cpu_name
from trainables.model.quantized import require_support


def fitted(trial: TrialConfig, device: torch.device, backend: str | None = None) -> TrialConfig:
    """The configuration as the device can run it: with another backend where there is no CUDA, or one is asked for.
    UsageError where it cannot compute in the precision: another one would give other answers."""
    if why := _lacks(trial.precision, device):
        here = [name for name in PRECISIONS if not _lacks(name, device)]
        raise UsageError(
            f"the precision of an export must be one that the device computes in, but {why}; here run exports of "
            f"{', '.join(here)}: name a trial of one with --trial"
        )
    wanted = BACKENDS[backend or trial.backend]
    if wanted.engine is not None:
        why = cannot_run(trial.configuration | {"backend": wanted.name}, device.type) or lacking(wanted.name, device)
        if why:
            raise UsageError(f"the backend must be one that runs here, but {why}; or give another by --backend")
    if device.type == "cpu" and not wanted.cpu:
        if not wanted.without_cuda:
            raise UsageError(
                f"an export of {wanted.name} must run on a CUDA device ({wanted.recipe}: another backend computes "
                f"otherwise), but this is {name_of(device)}; name a trial of another backend with --trial, or run it "
                "otherwise all the same with --backend eager"
            )
        wanted = BACKENDS[wanted.without_cuda]
    if device.type == "cpu" and wanted.compiles and not _has_compiler():
        wanted = BACKENDS["eager"]
    return replace(trial, backend=wanted.name)


def differences(bundle: Bundle, running: TrialConfig, device: torch.device) -> list[str]:
    """In sentences: why energy and latency here are not those measured. Empty on the card and versions of the trial."""
    found = []
    here, there = name_of(device), bundle.measured.get("gpu_name")
    if there and here != there:
        found.append(f"measured on {there}, running on {here}: energy and latency are others'")
    if running.backend != bundle.config.backend:
        recipes = {BACKENDS[t.backend].recipe for t in (bundle.config, running)}
        same = "the same computation" if len(recipes) == 1 else f"one of them computes {' '.join(recipes).strip()}"
        found.append(f"measured with {bundle.config.backend}, running with {running.backend}: {same}")
    engine = BACKENDS[running.backend].engine
    if engine is not None and (installed := engine.installed(device.type)) is not None:
        name, version = installed
        if (theirs := bundle.versions.get(name)) not in (None, version):
            found.append(f"exported by {name} {theirs}, running on {version}")
    if (theirs := bundle.versions.get("torch")) not in (None, torch.__version__):
        found.append(f"exported by torch {theirs}, running on {torch.__version__}")
    return found


def name_of(device: torch.device) -> str:
    """As a row has it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def _lacks(precision: str, device: torch.device) -> str:
    known = PRECISIONS[precision]
    if device.type == "cpu" and not known.cpu:
        return f"{precision} needs a CUDA device, and this is {name_of(device)}"
    try:
        if known.quantised:
            require_support(getattr(torch, known.dtype), device)
    except BackendError as error:
        return str(error).partition(";")[0]
    return ""


def _has_compiler() -> bool:
    return any(map(shutil.which, filter(None, [os.environ.get("CXX"), "c++", "g++", "clang++"])))
