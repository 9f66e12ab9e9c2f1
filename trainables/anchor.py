"""The anchor: one fixed load on the sweep's own model; its drift (not its level) is what can be compared.

A CUDA graph, so that the host cannot slow it: launched eagerly it drew what a stalling host let it draw
(EXPERIMENTS.md, 2026-11-24).
"""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from search_spaces.sweep_config import Measuring
from search_spaces.trial_config import TrialConfig
from trainables.device import synchronize
from trainables.energy.sampler import Sampler
from trainables.load import cut, prepare
from trainables.model.architectures import layer_list, max_positions
from trainables.rows.flags import IMPLAUSIBLE
from trainables.tasks.base import Inputs, Ragged
from trainables.window import measure

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from trainables.energy.meter import Meter

TOKENS, BATCH = 128, 256
WARMUP_S, WINDOW_S = 1.0, 2.0


def measure_anchor(master: "PreTrainedModel", task: str, meter: "Meter", device: torch.device) -> dict[str, Any]:
    """Gross J per example and mean W of the fixed load on the whole of `master`, now, on a CUDA device."""
    tokens = min(TOKENS, max_positions(master.config))
    depth = len(layer_list(master))
    trial = TrialConfig(task, "anchor", 0, tokens, depth, "fp16", batch_size=BATCH, backend="cuda_graph")
    model = cut(trial, master, device)
    inputs = random_inputs(model.config.vocab_size, tokens, device)
    settings = Measuring(
        warmup_s=WARMUP_S, min_window_s=WINDOW_S / 2, min_windows=2, min_total_s=WINDOW_S, max_measure_s=WINDOW_S
    )
    started_at = time.time()
    with torch.inference_mode():
        load = prepare(trial, model, inputs)
        with Sampler(meter) as sampler:
            windows = measure(load.run_pass, lambda: synchronize(device), sampler, settings)
    implausible = bool(windows.energies.flags & IMPLAUSIBLE)
    energy_j = float("nan") if implausible else float(np.sum(windows.energies.energy_j))
    return {
        "started_at": started_at,
        "gpu_uuid": meter.device.uuid,
        "energy_j_per_example": energy_j / (BATCH * int(windows.passes.sum())),
        "mean_power_w": energy_j / float(np.sum(windows.durations_s)),
        "temperature_c": windows.energies.temperature_end_c,
    }


def random_inputs(vocab_size: int, tokens: int, device: torch.device) -> Inputs:
    """BATCH inputs of `tokens` random ids each, the same on every card of a kind: nothing is padded."""
    generator = torch.Generator(device).manual_seed(0)
    ids = torch.randint(5, vocab_size, (BATCH, tokens), device=device, generator=generator)
    values = ids.cpu().numpy().astype(np.int32).ravel()
    return Inputs(Ragged(values, np.arange(BATCH + 1) * tokens), None, np.arange(BATCH), pad_id=0)
