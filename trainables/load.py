"""A configuration made ready to run, once for all who need it: the trial, the anchor, the benchmarks.

`cut` makes its model of a master; `prepare` plans and stages inputs for it and builds its backend. `prepare`, and
whatever runs the load, belong within `torch.inference_mode()`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.trial_config import TrialConfig
from trainables import backends
from trainables.batches import Batch, Plan, plan, stage
from trainables.device import set_precision, synchronize
from trainables.model.architectures import first_position, takes_staged_mask
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut as cut_layers
from trainables.tasks import get_task
from trainables.tasks.base import Inputs

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

NO_LOGIT = -1e9  # of a token that an input does not have


@dataclass(frozen=True)
class Load:
    """Staged batches on the device and the callable that runs them. It holds the device's memory while it lives."""

    trial: TrialConfig
    model: "PreTrainedModel"
    inputs: Inputs
    plan: Plan
    staged: list[Batch]
    run: backends.Run  # index of a batch -> its outputs on the device
    build_s: float  # compiling and capturing

    @cached_property
    def examples(self) -> int:
        """Distinct examples in one pass."""
        return len(np.unique(self.inputs.example))

    def run_pass(self) -> None:
        """Every input once; nothing is waited for."""
        for i in range(len(self.staged)):
            self.run(i)

    def outputs(self) -> np.ndarray:
        """One complete pass: float32 (inputs, labels), or (inputs, max_seq_len, 2) where tokens are answers; filler
        dropped."""
        parts = [self.run(i).float().cpu().numpy() for i in range(len(self.staged))]
        boundaries = [None if b.cu_seqlens is None else b.cu_seqlens.cpu().numpy() for b in self.staged]
        return gathered(parts, boundaries, self.plan, len(self.inputs.ids), self.trial.max_seq_len)


def gathered(
    parts: Sequence[np.ndarray], boundaries: Sequence[np.ndarray | None], plan_: Plan, inputs: int, max_seq_len: int
) -> np.ndarray:
    """The outputs of a plan's batches, float32, in the order of the inputs: (inputs, labels), or (inputs, max_seq_len,
    2) where tokens are answers; filler dropped. `boundaries`: of a packed batch's sequences."""
    if parts[0].ndim == 2:
        outputs = np.empty((inputs, parts[0].shape[1]), dtype=np.float32)
        for part, rows in zip(parts, plan_.batches, strict=True):
            outputs[rows] = part[: len(rows)]
        return outputs
    outputs = np.full((inputs, max_seq_len, 2), NO_LOGIT, dtype=np.float32)
    for part, ends, rows in zip(parts, boundaries, plan_.batches, strict=True):
        if ends is None:
            outputs[rows, : part.shape[1]] = part[: len(rows)]
            continue
        for row, begin, end in zip(rows, ends[:-1], ends[1:], strict=False):
            outputs[row, : end - begin] = part[0, begin:end]
    return outputs


def cut(trial: TrialConfig, master: "PreTrainedModel", device: "torch.device") -> "PreTrainedModel":
    """The trial's model on the device: the first layers of `master`, which stays as it is, in the trial's precision.

    `BackendError` where the device cannot.
    """
    model = cut_layers(master, trial.depth, set_precision(trial.precision), device)
    if trial.padding == "packed":
        use_packed_attention(model, classify=get_task(trial.task).head == "sequence_classification")
    return model


def prepare(trial: TrialConfig, model: "PreTrainedModel", inputs: Inputs) -> Load:
    """The trial's load over `inputs`, staged on the device of its model (of `cut`)."""
    planned = plan(inputs.ids.lengths, trial.batch_size, trial.max_seq_len, trial.padding)
    first = first_position(model.config)
    staged = stage(inputs, planned, model.device, takes_staged_mask(model), first)
    start = time.perf_counter()
    run = backends.build(trial.backend, model, staged)
    synchronize(model.device)
    return Load(trial, model, inputs, planned, staged, run, time.perf_counter() - start)
