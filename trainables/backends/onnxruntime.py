"""ONNX Runtime: its own kernels on the model's graph. On a CPU in fp32 and int8, on CUDA in fp32 and fp16.

int8 is its dynamic quantisation: the model's 8-bit weights, one scale for all activations of a batch, fp32 around them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import onnxruntime as ort
import torch

from search_spaces.backends import BACKENDS
from trainables.backends.engine import Graph, precision_of, run_of
from trainables.backends.forward import Run
from trainables.backends.traced import INTEGER_PRODUCT, OUTPUT, Feed, prove, traced
from trainables.batches import Batch
from trainables.device import BackendError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "onnxruntime"
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

_graphs: WeakKeyDictionary[Any, Graph] = WeakKeyDictionary()


def require(precision: str, device: torch.device) -> None:
    """See `trainables.backends.engine`."""
    if device.type == "cuda" and CUDA not in ort.get_available_providers():
        raise BackendError(_without_cuda("is built without it"))


def build(model: "PreTrainedModel", batches: list[Batch]) -> Run:
    """See `trainables.backends.build`."""
    return run_of(NAME, _graphs, Session, model, batches)


class Session:
    """See `trainables.backends.engine.Graph`."""

    def __init__(self, model: "PreTrainedModel", like: Batch) -> None:
        self.device, precision = model.device, precision_of(model)
        self.dtype = torch.float16 if precision == "fp16" else torch.float32
        graph, feed, expected = traced(model, like, self.dtype, INTEGER_PRODUCT, NAME)
        options = ort.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        # A thread that spins while it waits for work would take a core from the tokenizer, and energy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        settings = {"device_id": str(self.device.index or 0), "use_tf32": "0"}
        provider: Any = (CUDA, settings) if self.device.type == "cuda" else CPU
        self._session: Any = ort.InferenceSession(graph, options, providers=[provider])
        if self.device.type == "cuda" and CUDA not in self._session.get_providers():  # it goes on with the CPU
            raise BackendError(_without_cuda("cannot load the libraries of CUDA and cuDNN"))
        self._names = [i.name for i in self._session.get_inputs()]
        prove(NAME, model, self.call(feed)(), expected, precision)

    def call(self, feed: Feed) -> Callable[[], torch.Tensor]:
        if self.device.type == "cuda":
            return self._on_the_device(feed)
        arrays = {name: feed[name].numpy() for name in self._names}
        return lambda: torch.from_numpy(self._session.run([OUTPUT], arrays)[0])

    def _on_the_device(self, feed: Feed) -> Callable[[], torch.Tensor]:
        """Inputs are read where they lie; the outputs have one place there, as a CUDA graph's have."""
        index = self.device.index or 0
        binding = self._session.io_binding()
        held = {name: feed[name].contiguous() for name in self._names}
        for name, tensor in held.items():
            binding.bind_input(name, "cuda", index, _numpy_type(tensor), tuple(tensor.shape), tensor.data_ptr())
        binding.bind_output(OUTPUT, "cuda", index)
        self._session.run_with_iobinding(binding)  # for the shape of what comes out
        out = torch.empty(binding.get_outputs()[0].shape(), dtype=self.dtype, device=self.device)
        binding.bind_output(OUTPUT, "cuda", index, _numpy_type(out), tuple(out.shape), out.data_ptr())

        def run(_held: Any = held) -> torch.Tensor:
            torch.cuda.current_stream(self.device).synchronize()  # the engine computes in a stream of its own
            self._session.run_with_iobinding(binding)
            return out

        return run


def _numpy_type(tensor: torch.Tensor) -> Any:
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype


def _without_cuda(why: str) -> str:
    engine = BACKENDS[NAME].engine
    return f"{NAME} needs its CUDA provider on this device, but it {why}; {engine.install('cuda') if engine else ''}"
