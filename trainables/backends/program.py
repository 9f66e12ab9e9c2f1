"""Compiled programs: which trials share one, and how many shapes a program has."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

import torch

from trainables.backends.forward import Forward
from trainables.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FEW = 4  # shapes that are compiled one by one

_program: Any = None  # what the compiled programs of this process belong to
_kept: WeakSet[Forward] = WeakSet()  # those that run as long as they live, whatever is compiled after them
_keeping = False


@contextmanager
def kept() -> Iterator[None]:
    """Programs compiled within are not thrown away by later ones: several predictors answer in one process."""
    global _keeping
    before, _keeping = _keeping, True
    try:
        yield
    finally:
        _keeping = before


def compiled(model: "PreTrainedModel", forward: Forward, batches: list[Batch]) -> Forward:
    """One specialised program per shape where they are few, one for all shapes otherwise.

    Weights are inputs of a program, so the next trial of an equal one (a replicate, another seed) takes it over. Any
    other trial starts afresh: no trial may depend on what was compiled before it. Where programs are `kept`, all others
    stand beside them.
    """
    global _program
    if _keeping or _kept:
        forward = _own(forward)
        if _keeping:
            _kept.add(forward)
    elif (program := _program_of(model, batches)) != _program:
        torch._dynamo.reset()
        _program = program
    # fp32 is meant: Inductor's advice to allow TF32 is an axis here.
    warnings.filterwarnings("ignore", message="TensorFloat32 tensor cores", category=UserWarning)
    shapes = len({b.shape for b in batches})
    torch._dynamo.config.recompile_limit = max(16, shapes + 1)
    # `fullgraph`: a graph break would silently measure something half eager.
    return torch.compile(forward, fullgraph=True, dynamic=shapes > FEW)


def _own(forward: Forward) -> Forward:
    """The same function with code of its own, by which TorchDynamo knows what it has compiled."""
    f = cast(FunctionType, forward)
    return FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__, f.__closure__)


def _program_of(model: "PreTrainedModel", batches: list[Batch]) -> Any:
    """Equal for models whose compiled programs are equal: all but the values of the weights."""
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
