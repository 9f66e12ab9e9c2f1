"""One code for the trial and for what is deployed: the trial's plan, batches, attention and backend on inputs as they
come.

Where a backend runs any shape (eager) a call's inputs form the batches that a trial over them would; where it is built
for shapes (graphs, compiled code) they are written into frames.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from search_spaces.backends import BACKENDS
from search_spaces.precisions import PRECISIONS
from search_spaces.trial_config import TrialConfig
from serving.frames import Frames
from serving.shapes import packed_shapes, padded_shapes
from trainables import backends
from trainables.batches import Plan, plan, stage
from trainables.device import set_precision, synchronize
from trainables.load import gathered
from trainables.model.architectures import first_position, takes_staged_mask
from trainables.model.quantized import kernel_of
from trainables.tasks.base import Inputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Of the process: TF32 is its state, and two threads that launch at once would write to one frame.
_LAUNCHING = threading.Lock()


@dataclass(frozen=True)
class Running:
    """Inputs whose outputs are being computed."""

    parts: Sequence[torch.Tensor]
    boundaries: Sequence[np.ndarray | None]
    plan: Plan
    inputs: int
    max_seq_len: int

    def outputs(self) -> np.ndarray:
        """Waits for them: float32 (inputs, labels), or (inputs, max_seq_len, 2) where tokens are answers."""
        parts = [part.cpu().numpy() for part in self.parts]
        return gathered(parts, self.boundaries, self.plan, self.inputs, self.max_seq_len)


class Engine:
    """Runs a trial's configuration on inputs. Thread-safe."""

    def __init__(
        self, trial: TrialConfig, model: "PreTrainedModel", tokens_per_batch: int | None, typed: bool, pad_id: int
    ) -> None:
        """`model`: of `trainables.load.cut`, whose device this runs on. `tokens_per_batch`: of the trial, packed.
        `typed`: inputs have token types. Compiles and captures here. `BackendError` where the device cannot."""
        self.trial, self.model = trial, model
        self._staged_mask, self._first = takes_staged_mask(model), first_position(model.config)
        dtype = getattr(torch, PRECISIONS[trial.precision].dtype)
        least = kernel_of(dtype).least_rows if PRECISIONS[trial.precision].quantised else 1
        on_cuda = model.device.type == "cuda"
        self._frames: Frames | None = None
        # An eager product of 8-bit integers has a least size on CUDA, which filler reaches.
        if BACKENDS[trial.backend].fixed_shapes or (on_cuda and least > 1):
            if trial.padding == "packed":
                shapes = packed_shapes(trial, tokens_per_batch or trial.max_seq_len, least, kernels=on_cuda)
            else:
                shapes = padded_shapes(trial, least, self._staged_mask)
            with _LAUNCHING, torch.inference_mode():
                set_precision(trial.precision)
                self._frames = Frames(trial, model, shapes, typed, pad_id)
                synchronize(model.device)

    def start(self, inputs: Inputs) -> Running:
        """Launch all inputs (at least one, none longer than the limit); returns before a GPU has computed them."""
        with _LAUNCHING, torch.inference_mode():
            set_precision(self.trial.precision)
            if self._frames is not None:
                planned, frames = self._frames.plan(inputs.ids.lengths)
                batches = zip(planned.batches, frames, strict=True)
                found = [self._frames.run(inputs, rows, frame) for rows, frame in batches]
            else:
                planned = plan(inputs.ids.lengths, self.trial.batch_size, self.trial.max_seq_len, self.trial.padding)
                found = self._staged(inputs, planned)
        parts, boundaries = zip(*found, strict=True)
        return Running(parts, boundaries, planned, len(inputs.ids), self.trial.max_seq_len)

    def outputs(self, inputs: Inputs) -> np.ndarray:
        """See `Running.outputs`."""
        return self.start(inputs).outputs()

    def _staged(self, inputs: Inputs, planned: Plan) -> list[tuple[torch.Tensor, np.ndarray | None]]:
        """As a trial stages and runs them."""
        found = []
        for batch in stage(inputs, planned, self.model.device, self._staged_mask, self._first):
            out = backends.build(self.trial.backend, self.model, [batch])(0)
            found.append((out.float(), None if batch.cu_seqlens is None else batch.cu_seqlens.cpu().numpy()))
        return found
