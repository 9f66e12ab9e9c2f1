"""OpenVINO: its own kernels on the model's graph, on a CPU in fp32, bf16 and int8.

int8 is its dynamic quantisation: the model's 8-bit weights, a scale for each group of a token's activations, fp32
around them. Where the processor has no such product the engine computes 8-bit weights in fp32: that is refused.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import openvino as ov
import torch

from trainables.backends.engine import Graph, precision_of, run_of
from trainables.backends.forward import Run
from trainables.backends.traced import DEQUANTISED_PRODUCT, Feed, prove, traced
from trainables.batches import Batch
from trainables.device import BackendError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "openvino"
HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # of everything that has no 8 bits

_graphs: WeakKeyDictionary[Any, Graph] = WeakKeyDictionary()


def require(precision: str, device: torch.device) -> None:
    """See `trainables.backends.engine`."""
    able = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision != "fp32" and precision.upper() not in able:
        raise BackendError(f"{NAME} has no {precision} on this CPU, only {', '.join(able)}; use fp32")


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return run_of(NAME, _graphs, Compiled, model, batches)


class Compiled:
    """See `trainables.backends.engine.Graph`."""

    def __init__(self, model: "PreTrainedModel", like: Batch) -> None:
        precision = precision_of(model)
        # In fp32, also of bf16 weights: the hint says what is computed in.
        graph, feed, expected = traced(model, like, torch.float32, DEQUANTISED_PRODUCT, NAME)
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        core = ov.Core()
        compiled: Any = core.compile_model(core.read_model(graph), "CPU", settings)
        if precision == "int8" and not _multiplies_integers(compiled):
            raise BackendError(f"{NAME} would compute the 8-bit weights in fp32 on this CPU; use fp32")
        # A tensor may have several names: a cast that changes nothing gives it another.
        self._names = [next(name for name in i.names if name in feed) for i in compiled.inputs]
        self._request = compiled.create_infer_request()
        prove(NAME, model, self.call(feed)(), expected, precision)

    def call(self, feed: Feed) -> Callable[[], torch.Tensor]:
        arrays = {name: feed[name].numpy() for name in self._names}
        # Copied: the next batch is written where this one's outputs are.
        return lambda: torch.from_numpy(self._request.infer(arrays, share_inputs=True)[0].copy())


def _multiplies_integers(compiled: Any) -> bool:
    kinds = [operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops()]
    return any(
        kind["layerType"].astype(str) == "FullyConnected" and kind["runtimePrecision"].astype(str) in ("i8", "u8")
        for kind in kinds
    )
