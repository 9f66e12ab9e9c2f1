"""CUDA graphs of a forward pass: one per shape of batch."""

from collections import Counter
from typing import Any

import torch

from trainables.backends.forward import Forward, Run, arguments_of
from trainables.batches import Batch
from trainables.device import BackendError

# Graphs hold their activations for good. Past this many distinct shapes the trial fails with a reason.
MAX_GRAPHS = 64


def captured(forward: Forward, batches: list[Batch], device: torch.device) -> Run:
    """One graph per shape. Batches that share one are copied into its fixed inputs before each replay (a few kB on
    the device); a batch that has a graph of its own is its input."""
    if device.type != "cuda":
        raise BackendError(f"CUDA graphs need a CUDA device, but the model is on {device}; use eager or compile")
    shapes = Counter(b.shape for b in batches)
    if len(shapes) > MAX_GRAPHS:
        raise BackendError(
            f"at most {MAX_GRAPHS} graphs are captured per trial, but the batches have {len(shapes)} shapes; "
            "use a larger batch size or padding max_length"
        )
    pool = torch.cuda.graph_pool_handle()
    graphs: dict[Any, tuple[Any, dict[str, torch.Tensor], torch.Tensor]] = {}
    for batch in batches:
        if batch.shape in graphs:
            continue
        static = batch.tensors()
        if shapes[batch.shape] > 1:
            static = {name: tensor.clone() for name, tensor in static.items()}
        arguments = arguments_of(batch, static)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # warm up outside the capture: compile, cuBLAS handles, workspaces
            for _ in range(3):
                forward(**arguments)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            output = forward(**arguments)
        graphs[batch.shape] = (graph, static, output)
    calls = []
    for batch in batches:
        graph, static, output = graphs[batch.shape]
        calls.append((graph, copies(static, batch.tensors()) if shapes[batch.shape] > 1 else [], output))

    # `forward` lives as long as its graphs: they replay kernels, and read constants, that a compiled program owns.
    def run(i: int, _program: Forward = forward) -> torch.Tensor:
        graph, pending, output = calls[i]
        for into, source in pending:
            torch._foreach_copy_(into, source)
        graph.replay()
        return output

    return run


def copies(
    static: dict[str, torch.Tensor], tensors: dict[str, torch.Tensor]
) -> list[tuple[list[torch.Tensor], list[torch.Tensor]]]:
    """What to copy where, tensors of one dtype together: each group is one kernel launch."""
    return [
        ([static[name] for name in names], [tensors[name] for name in names])
        for dtype in {t.dtype for t in tensors.values()}
        if (names := [name for name, t in tensors.items() if t.dtype == dtype])
    ]
