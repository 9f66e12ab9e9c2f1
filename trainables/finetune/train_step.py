"""One optimiser step, from indices of training inputs to new weights; on a GPU a captured CUDA graph.

A small encoder is bound by the host's launches when it is trained one kernel at a time (30 ms a step for a 6-layer
MiniLM on an H100, whatever the batch). The training set lies on the device, and forward, backward, clipping and AdamW
are one graph for each shape of batch.
"""

from typing import Any

import numpy as np
import torch

from trainables.batches import Plan, stage
from trainables.model.architectures import adds_mask, takes_staged_mask
from trainables.model.attention.position_bias import stage_buckets
from trainables.tasks.base import Inputs

MAX_GRADIENT_NORM = 1.0
WIDTH_MULTIPLE = {"cuda": 32, "cpu": 8}  # tokens a batch is padded to a multiple of: few shapes are few graphs


class TrainStep:
    """Call it with a batch's indices: it trains on them and returns their mean loss (a tensor on the device)."""

    def __init__(
        self, model: Any, optimizer: Any, inputs: Inputs, targets: dict[str, np.ndarray], device: torch.device
    ) -> None:
        self.model, self.optimizer, self.device = model, optimizer, device
        self.autocast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        self.lengths = inputs.ids.lengths
        width = self._width(np.arange(len(self.lengths)))
        # On the host first: all inputs as int64 are several times what stays on the device.
        everything = Plan("longest", (np.arange(len(self.lengths)),), (width,))
        (batch,) = stage(inputs, everything, torch.device("cpu"), staged_mask=False)
        self.ids = batch.input_ids.int().to(device)
        self.types = None if batch.token_type_ids is None else batch.token_type_ids.int().to(device)
        self.real = batch.attention_mask.to(device)  # type: ignore[union-attr]  # padded batches have one
        self.targets = {name: torch.from_numpy(values).to(device) for name, values in targets.items()}
        self.staged_mask, self.added_mask = takes_staged_mask(model), adds_mask(model)
        if self.added_mask:
            stage_buckets(model)
        self._graphs: dict[tuple[int, int], tuple[Any, torch.Tensor, torch.Tensor] | None] = {}
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        width = self._width(rows)
        indices = torch.from_numpy(rows).to(self.device, non_blocking=True)
        if self.device.type != "cuda":
            return self._step(indices, width)
        shape = (len(rows), width)
        if shape not in self._graphs:
            # The first batch of a shape sets up what a capture must not: kernels, workspaces, AdamW's moments.
            self._graphs[shape] = None
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                loss = self._step(indices, width)
            torch.cuda.current_stream().wait_stream(side)
            return loss
        captured = self._graphs[shape] or self._capture(indices, width)
        self._graphs[shape] = captured
        graph, static, loss = captured
        static.copy_(indices)
        graph.replay()
        return loss

    def forget(self) -> None:
        """Drop the graphs: the optimiser's tensors are others now."""
        self._graphs.clear()

    def _width(self, rows: np.ndarray) -> int:
        longest, all_ = int(self.lengths[rows].max()), int(self.lengths.max())
        multiple = WIDTH_MULTIPLE[self.device.type]
        return min(-(-longest // multiple) * multiple, -(-all_ // 8) * 8)

    def _capture(self, indices: torch.Tensor, width: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
        """Recorded, not run: the caller replays it for this batch, too."""
        static = indices.clone()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            loss = self._step(static, width)
        return graph, static, loss

    def _mask(self, real: torch.Tensor) -> torch.Tensor:
        if self.added_mask:  # Transformers' own comes from the host, which a graph cannot capture
            hidden = torch.finfo(torch.float32).min
            return torch.zeros_like(real, dtype=torch.float32).masked_fill(~real, hidden)[:, None, None, :]
        return real[:, None, None, :] if self.staged_mask else real

    def _step(self, indices: torch.Tensor, width: int) -> torch.Tensor:
        real = self.real[indices, :width]
        arguments = {
            "input_ids": self.ids[indices, :width].long(),
            "attention_mask": self._mask(real),
            **({} if self.types is None else {"token_type_ids": self.types[indices, :width].long()}),
            **{name: values[indices] for name, values in self.targets.items()},
        }
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast):
            loss: torch.Tensor = self.model(**arguments).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()
