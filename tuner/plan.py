"""What a sweep will do, before anything is run."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from search_spaces.backends import BACKENDS
from search_spaces.grid import grid, left_out
from search_spaces.models import Limits
from search_spaces.precisions import PRECISIONS
from search_spaces.search_space import cannot_run
from search_spaces.sweep_config import MeasuringOptions, SweepConfig
from search_spaces.trial_config import TrialConfig
from trainables.backends.engine import lacking, require
from trainables.device import BackendError, accelerator
from trainables.energy.open_meter import open_meter
from trainables.energy.sources import SOURCES
from trainables.model.architectures import max_positions
from trainables.model.loading import load_config
from trainables.model.quantized import require_support

# What a trial takes beyond warm-up and windows, both from EXPERIMENTS.md (H100): for the estimate alone.
OVERHEAD_S, COMPILE_S = 0.6, 13.0


@dataclass(frozen=True)
class SweepPlan:
    """The trials of a sweep in their order, and about how long measuring takes on one device."""

    trials: list[TrialConfig]
    seconds_per_trial: float
    left_out: list[str]  # values of an axis that some model does not have, a sentence each


def plan(config: SweepConfig) -> SweepPlan:
    """The trials of a sweep; reads the models' configs, loads no weights. UsageError for impossible values."""
    limits = limits_of(config)
    trials = grid(config, limits)
    compiled = sum(BACKENDS[t.backend].compiles for t in trials) / len(trials)
    seconds = _measuring_s(config.measuring) + OVERHEAD_S + compiled * COMPILE_S
    return SweepPlan(trials, seconds, left_out(config, limits))


def limits_of(config: SweepConfig) -> list[Limits]:
    """What each model of a sweep cannot go beyond, by its config. UsageError where one cannot be used."""
    models = [load_config(model.source) for model in config.models]
    return [Limits(model.num_hidden_layers, max_positions(model)) for model in models]


def cannot_run_here(trials: Iterable[TrialConfig]) -> dict[str, str]:
    """trial_id -> why it would fail, of the trials that this machine's device cannot run."""
    device = accelerator()
    found = {}
    for trial in trials:
        why = cannot_run(trial.configuration, device.type) or _lacks(trial, device)
        if why:
            found[trial.trial_id] = why
    return found


def _lacks(trial: TrialConfig, device: torch.device) -> str:
    known = PRECISIONS[trial.precision]
    try:
        if BACKENDS[trial.backend].engine is not None:
            if why := lacking(trial.backend, device):
                return why
            require(trial.backend, trial.precision, device)
        if known.quantised:
            require_support(getattr(torch, known.dtype), device)
    except BackendError as error:
        return str(error)
    return ""


def _measuring_s(options: MeasuringOptions) -> float:
    """Warm-up and windows of a trial that needs no more of them than it must have."""
    measuring = options.settled(measured=_sensed_here())
    return measuring.warmup_s + max(measuring.min_total_s, measuring.min_windows * measuring.min_window_s)


def _sensed_here() -> bool:
    """Whether a sensor measures this machine's device. A GPU's is not opened for an estimate of time."""
    device = accelerator().type
    if device != "cpu":
        return True
    meter = open_meter(device)
    try:
        return SOURCES[meter.source].measured
    finally:
        meter.close()
