"""How a staged batch is executed: each way is one file, which `search_spaces.backends.BACKENDS` names.

A backend is built once per trial from the model and its staged batches; `run(i)` then returns batch i's outputs on the
device and reads no sensor, copies nothing to the host and never synchronises.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

from search_spaces.backends import BACKENDS
from trainables.backends.engine import check_engine
from trainables.backends.forward import Run
from trainables.batches import Batch
from trainables.model.quantized import check_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Run", "build"]


def build(backend: str, model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """A callable from batch index to outputs (logits, or start and end logits stacked last), on the device.

    Raises UsageError for an unknown backend, BackendError where it cannot run these batches.
    """
    module = BACKENDS[backend].module
    if BACKENDS[backend].engine is not None and module not in sys.modules:  # which imports what may not be here
        check_engine(backend, model, batches)
    check_batches(model, batches)
    return cast(Run, import_module(module).build(model, batches))
