"""One code for the trial and for what is deployed: the trial's plan, batches, attention and backend on inputs as they
come.

Where a backend runs any shape (eager) a call's inputs form the batches that a trial over them would; where it is built
for shapes (graphs, compiled code) they are written into frames.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from search_spaces.backends import BACKENDS
from search_spaces.precisions import PRECISIONS
from search_spaces.trial_config import TrialConfig
from serving.frames import Frames
from serving.shapes import packed_shapes, padded_shapes
from trainables import backends
from trainables.batches import Plan, arrays_of, on_device, plan
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

    parts: Sequence[torch.Tensor]  # on the host, once `copied`
    copied: "torch.cuda.Event | None"
    boundaries: Sequence[np.ndarray | None]
    plan: Plan
    inputs: int
    max_seq_len: int

    @cached_property
    def rows(self) -> np.ndarray:
        """The numbers of the inputs that are computed, int64."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self.plan.batches])

    def outputs(self) -> np.ndarray:
        """Waits for them: float32 (inputs, labels), or (inputs, max_seq_len, 2) where tokens are answers. Those of
        inputs that are not in `rows` mean nothing."""
        if self.copied is not None:
            self.copied.synchronize()
        return gathered(
            [part.numpy() for part in self.parts], self.boundaries, self.plan, self.inputs, self.max_seq_len
        )


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

    @property
    def framed(self) -> bool:
        """Are inputs written into frames, and not formed into the trial's batches?"""
        return self._frames is not None

    def start(self, inputs: Inputs, waited: int | None = None) -> Running:
        """Launch inputs (at least one, none longer than the limit); returns before a GPU has computed them.

        All of them, unless `waited` is given: see `Frames.plan`."""
        with _LAUNCHING, torch.inference_mode():
            set_precision(self.trial.precision)
            if self._frames is not None:
                planned, frames = self._frames.plan(inputs.ids.lengths, waited)
                batches = zip(planned.batches, frames, strict=True)
                found = [self._frames.run(inputs, rows, frame) for rows, frame in batches]
            else:
                planned = plan(inputs.ids.lengths, self.trial.batch_size, self.trial.max_seq_len, self.trial.padding)
                found = self._staged(inputs, planned)
            # Not when they are asked for: the copy would wait for all that is launched by then.
            parts = [part.to("cpu", non_blocking=True) for part, _ in found]  # from a GPU into pinned memory
            copied = None
            if self.model.device.type == "cuda":
                copied = torch.cuda.Event(blocking=True)  # the tokenizer needs the cores
                copied.record()
        boundaries = [ends for _, ends in found]
        return Running(parts, copied, boundaries, planned, len(inputs.ids), self.trial.max_seq_len)

    def outputs(self, inputs: Inputs) -> np.ndarray:
        """See `Running.outputs`."""
        return self.start(inputs).outputs()

    def _staged(self, inputs: Inputs, planned: Plan) -> list[tuple[torch.Tensor, np.ndarray | None]]:
        """As a trial stages and runs them."""
        found = []
        made = arrays_of(inputs, planned, self._staged_mask, self._first)
        for (arrays, longest), rows in zip(made, planned.batches, strict=True):
            batch = on_device(arrays, longest, len(rows), self.model.device, overlapped=True)
            out = backends.build(self.trial.backend, self.model, [batch])(0)
            found.append((out.float(), arrays.get("cu_seqlens")))
        return found
