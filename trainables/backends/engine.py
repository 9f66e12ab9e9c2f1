"""Engines of others (`search_spaces.engines`): whether one can run here, and its graph of a model, built once.

What a backend of an engine has beside `build`: `require(precision, device)`, a BackendError where this machine cannot.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import torch

from search_spaces.backends import BACKENDS
from search_spaces.precisions import PRECISIONS
from trainables.backends.forward import Run
from trainables.backends.traced import Feed, feed_of
from trainables.batches import Batch
from trainables.device import BackendError
from trainables.model.quantized import QuantizedLinear

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Graph(Protocol):
    """A model's graph in an engine, for batches of any shape that have the same tensors."""

    def call(self, feed: Feed) -> Callable[[], torch.Tensor]:
        """What computes the outputs of a feed, into memory that no other call writes to."""


def lacking(backend: str, device: torch.device) -> str:
    """What an engine's backend lacks on a device, and the command that installs it, in a line; "" where nothing."""
    engine = BACKENDS[backend].engine
    if engine is None or (why := engine.lacks(device.type)):
        return "" if engine is None else why
    precision = engine.precisions.get(device.type, ("",))[0]
    try:
        if precision:
            require(backend, precision, device)
    except BackendError as error:
        return str(error)
    return ""


def require(backend: str, precision: str, device: torch.device) -> None:
    """`BackendError` where an engine that is installed cannot compute in the precision on this machine."""
    import_module(BACKENDS[backend].module).require(precision, device)


def check_engine(backend: str, model: "PreTrainedModel", batches: list[Batch]) -> None:
    """`BackendError` where an engine is not here, or cannot run these batches of this model."""
    engine, device = BACKENDS[backend].engine, model.device
    if engine is None:
        return
    padding = "packed" if any(b.cu_seqlens is not None for b in batches) else "longest"
    why = engine.refuses(precision_of(model), padding, device.type) or lacking(backend, device)
    if why:
        raise BackendError(why)
    require(backend, precision_of(model), device)


def precision_of(model: "PreTrainedModel") -> str:
    """The precision that a model was cut for, in this process."""
    quantised = next((m.dtype for m in model.modules() if isinstance(m, QuantizedLinear)), model.dtype)
    named = [p for p in PRECISIONS.values() if f"torch.{p.dtype}" == str(quantised)]
    return next((p.name for p in named if p.tf32 == torch.backends.cuda.matmul.allow_tf32), named[0].name)


def run_of(
    backend: str,
    graphs: WeakKeyDictionary[Any, Graph],
    make: Callable[["PreTrainedModel", Batch], Graph],
    model: "PreTrainedModel",
    batches: list[Batch],
) -> Run:
    """What the `build` of an engine returns. `graphs`: of the models that are there."""
    if (graph := graphs.get(model)) is None:
        check_engine(backend, model, batches)
        graph = graphs[model] = make(model, batches[0])
    calls = [graph.call(feed_of(batch)) for batch in batches]

    def run(i: int) -> torch.Tensor:
        return calls[i]()

    return run
