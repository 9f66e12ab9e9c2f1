"""How a staged batch is executed: eager, a captured CUDA graph, torch.compile, or both.

A backend is built once per trial from the model and its staged batches; `run(i)` then returns batch i's
outputs on the device and reads no sensor, copies nothing to the host and never synchronises.
"""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from search_spaces.backends import BACKENDS
from trainables.batches import Batch
from trainables.device import BackendError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Run = Callable[[int], "torch.Tensor"]

# Graphs hold their activations for good. Past this many distinct shapes the trial fails with a reason.
MAX_GRAPHS = 64


def build(backend: str, model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """A callable from batch index to outputs (logits, or start and end logits stacked last), on the device."""
    from trainables.model.quantized import check_batches

    check_batches(model, batches)
    forward = _forward(model)
    if BACKENDS[backend].compiles:
        forward = _compiled(model, forward, batches)
    if backend in ("cuda_graph", "compile_cuda_graph"):
        return _captured(forward, batches, model.device)
    calls = [_arguments(b, b.tensors()) for b in batches]

    def run(i: int) -> "torch.Tensor":
        return forward(**calls[i])

    return run


def _arguments(batch: Batch, tensors: dict[str, "torch.Tensor"]) -> dict[str, Any]:
    """Keyword arguments of the model; packed attention wants the longest sequence as a plain number."""
    return tensors | ({"max_seqlen": batch.max_seqlen} if batch.cu_seqlens is not None else {})


def _forward(model: "PreTrainedModel") -> Callable[..., "torch.Tensor"]:
    import torch

    question_answering = hasattr(model, "qa_outputs")

    def forward(**arguments: Any) -> "torch.Tensor":
        output = model(**arguments)
        if question_answering:
            return torch.stack([output.start_logits, output.end_logits], dim=-1)
        return output.logits

    return forward


def _compiled(
    model: "PreTrainedModel", forward: Callable[..., "torch.Tensor"], batches: list[Batch]
) -> Callable[..., "torch.Tensor"]:
    """One specialised program per shape where they are few, one for all shapes otherwise.

    Weights are inputs of a program, so the next trial of an equal one (a replicate, another seed) takes it over. Any
    other trial starts afresh: no trial may depend on what was compiled before it.
    """
    global _program
    import torch

    program = _program_of(model, batches)
    if program != _program:
        torch._dynamo.reset()
        _program = program
    # fp32 is meant: Inductor's advice to allow TF32 is an axis here.
    warnings.filterwarnings("ignore", message="TensorFloat32 tensor cores", category=UserWarning)
    shapes = len({b.shape for b in batches})
    torch._dynamo.config.recompile_limit = max(16, shapes + 1)
    # `fullgraph`: a graph break would silently measure something half eager.
    return torch.compile(forward, fullgraph=True, dynamic=shapes > 4)


_program: Any = None  # what the compiled programs of this process belong to


def _program_of(model: "PreTrainedModel", batches: list[Batch]) -> Any:
    """Equal for models whose compiled programs are equal: all but the values of the weights."""
    import torch

    modules = [(name, type(m).__qualname__) for name, m in model.named_modules()]
    weights = [(name, t.dtype, t.shape) for name, t in (*model.named_parameters(), *model.named_buffers())]
    return (
        str(model.device),
        torch.backends.cuda.matmul.allow_tf32,
        model.config.to_json_string(use_diff=False),
        model.config._attn_implementation,
        modules,
        weights,
        [b.shape for b in batches],
    )


def _captured(forward: Callable[..., "torch.Tensor"], batches: list[Batch], device: "torch.device") -> Run:
    """One graph per shape. Batches that share one are copied into its fixed inputs before each replay (a few kB on
    the device); a batch that has a graph of its own is its input."""
    import torch

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
        arguments = _arguments(batch, static)
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
        calls.append((graph, _copies(static, batch.tensors()) if shapes[batch.shape] > 1 else [], output))

    def run(i: int) -> "torch.Tensor":
        graph, copies, output = calls[i]
        for into, source in copies:
            torch._foreach_copy_(into, source)
        graph.replay()
        return output

    return run


def _copies(
    static: dict[str, "torch.Tensor"], tensors: dict[str, "torch.Tensor"]
) -> list[tuple[list["torch.Tensor"], list["torch.Tensor"]]]:
    """What to copy where, tensors of one dtype together: each group is one kernel launch."""
    return [
        ([static[name] for name in names], [tensors[name] for name in names])
        for dtype in {t.dtype for t in tensors.values()}
        if (names := [name for name, t in tensors.items() if t.dtype == dtype])
    ]
