"""A model as an ONNX graph of any batch, for engines that are not PyTorch: traced once, and proved on another shape.

By PyTorch's older exporter, which takes a second where the newer one takes seven and two more packages (torch 2.13,
MiniLM's shape, two cores). Weights are the model's, 8-bit ones included.
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from trainables.backends.forward import forward_of
from trainables.batches import Batch, on_device, packed_arrays, padded_arrays
from trainables.device import BackendError
from trainables.error_lines import one_line
from trainables.failures import out_of_memory
from trainables.model.architectures import first_position, max_positions, takes_staged_mask
from trainables.model.attention.sequences import Places, places_of
from trainables.model.quantized import QuantizedLinear
from trainables.tasks.base import Inputs, Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Feed = dict[str, torch.Tensor]  # a graph's inputs by name

OUTPUT = "logits"
OPSET = 17
SHORT, LONG = 16, 160  # tokens at most of what is traced, and of what is proved: beyond a window or reach of attention
_ROW = ("input_ids", "token_type_ids", "position_ids")  # of a packed batch they have one
# Of the largest logit. What differs is the order of sums and what is rounded; a wrong constant is worth more.
TOLERANCE = {"fp32": 1e-3, "fp16": 0.1, "bf16": 0.1, "int8": 0.2}


def feed_of(batch: Batch) -> Feed:
    """The inputs of a batch. A padded one always has a mask; of a packed one it is worked out here where its tokens
    lie, once and not in every pass."""
    tensors = batch.tensors()
    if batch.cu_seqlens is None:
        rows, width = batch.input_ids.shape
        full = torch.ones(rows, 1, 1, width, dtype=torch.bool, device=batch.input_ids.device)
        return tensors if "attention_mask" in tensors else tensors | {"attention_mask": full}
    del tensors["cu_seqlens"]
    longest = int(batch.cu_seqlens.diff().max())
    return tensors | places_of(batch.cu_seqlens, longest, batch.input_ids.shape[1])._asdict()


class Traced(nn.Module):
    """The model as a function of a feed's tensors, in order. `dtype`: of all that has no 8 bits; `product`: of what
    has."""

    def __init__(self, model: "PreTrainedModel", names: list[str], dtype: torch.dtype, product: "Product") -> None:
        super().__init__()
        own: PreTrainedModel = copy.deepcopy(model).to(dtype)
        for parent in list(own.modules()):
            for name, child in parent.named_children():
                if isinstance(child, QuantizedLinear):
                    setattr(parent, name, IntegerLinear(child, product))
        self.model, self.names, self._forward = own, names, forward_of(own)
        self.eval()  # or the tracer, which restores the mode, would leave dropout on

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        feed: dict[str, Any] = dict(zip(self.names, tensors, strict=True))
        if "rows" in feed:
            feed |= {"cu_seqlens": Places(*(feed.pop(name) for name in Places._fields)), "max_seqlen": 0}
        return self._forward(**feed)


class IntegerLinear(nn.Module):
    """A quantised layer, with the same weights, as operators of ONNX; fp32 in and out."""

    weight: torch.Tensor  # (in, out), int8
    scale: torch.Tensor  # (out,), fp32
    bias: torch.Tensor | None  # (out,), fp32

    def __init__(self, layer: QuantizedLinear, product: "Product") -> None:
        super().__init__()
        self.product = product
        self.register_buffer("weight", layer.weight.t().contiguous())
        self.register_buffer("scale", layer.scale.reshape(-1).float())
        self.register_buffer("bias", None if layer.bias is None else layer.bias.float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.product.apply(x, self.weight, self.scale)
        return out if self.bias is None else out + self.bias


class _IntegerProduct(torch.autograd.Function):
    """(..., in) by int8 (in, out) with scales (out,) -> (..., out), as ONNX Runtime's dynamic quantisation writes it:
    activations in 255 steps from their least to their greatest."""

    @staticmethod
    def forward(_: Any, x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        low, high = x.min().clamp(max=0), x.max().clamp(min=0)
        step = (high - low) / 255
        zero = (-low / step).round().clamp(0, 255)
        steps = ((x / step).round() + zero).clamp(0, 255) - zero
        return steps @ weight.float() * (step * scale)

    @staticmethod
    def symbolic(g: Any, x: Any, weight: Any, scale: Any) -> Any:
        steps, step, zero = g.op("DynamicQuantizeLinear", x, outputs=3)
        none = g.op("Constant", value_t=torch.zeros((), dtype=torch.int8))
        product = g.op("Cast", g.op("MatMulInteger", steps, weight, zero, none), to_i=1)
        return g.op("Mul", product, g.op("Mul", step, scale))


class _DequantisedProduct(torch.autograd.Function):
    """The same with 8-bit weights alone, from which OpenVINO makes integer products."""

    @staticmethod
    def forward(_: Any, x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return x @ (weight.float() * scale)

    @staticmethod
    def symbolic(g: Any, x: Any, weight: Any, scale: Any) -> Any:
        none = g.op("Constant", value_t=torch.zeros(scale.type().sizes(), dtype=torch.int8))
        return g.op("MatMul", x, g.op("DequantizeLinear", weight, scale, none, axis_i=1))


Product = type[torch.autograd.Function]
INTEGER_PRODUCT, DEQUANTISED_PRODUCT = _IntegerProduct, _DequantisedProduct


def traced(
    model: "PreTrainedModel", like: Batch, dtype: torch.dtype, product: "Product", engine: str
) -> tuple[bytes, Feed, torch.Tensor]:
    """The model's graph for batches that have the tensors of `like`, as a file's bytes; and a feed of another shape
    than the traced one with what the graph must make of it (`prove`). `BackendError` where it cannot be traced."""
    long = min(LONG, max_positions(model.config))
    feed, other = (feed_of(_batch(model, like, lengths)) for lengths in ((7, SHORT), (5, long, 3)))
    names = list(feed)
    try:
        module = Traced(model, names, dtype, product)
        file = io.BytesIO()
        with torch.no_grad(), _quiet():
            torch.onnx.export(
                module,
                tuple(feed.values()),
                file,  # type: ignore[arg-type]  # the older exporter takes one that is open
                input_names=names,
                output_names=[OUTPUT],
                dynamic_axes={name: _varying(name, t, "rows" in feed) for name, t in feed.items()},
                opset_version=OPSET,
                dynamo=False,
            )
            expected = module(*other.values())
    except Exception as error:  # whatever a tracer meets in somebody's model
        if out_of_memory(error):
            raise
        raise BackendError(
            f"{engine} needs a model that PyTorch can write as an ONNX graph, but {model.config.model_type} cannot be "
            f"({one_line(error)[:200]}); use eager"
        ) from error
    return file.getvalue(), other, expected


def prove(engine: str, model: "PreTrainedModel", found: torch.Tensor, expected: torch.Tensor, precision: str) -> None:
    """`BackendError` unless an engine computes what PyTorch does of the same graph: a tracer may take a number of its
    example for a constant."""
    expected, found = expected.float().cpu(), found.float().cpu()
    if found.shape == expected.shape and bool(
        (found - expected).abs().max() <= TOLERANCE[precision] * expected.abs().max().clamp(min=1e-3)
    ):
        return
    raise BackendError(
        f"{engine} must compute what PyTorch does, but of {model.config.model_type} its logits differ by more than "
        f"{100 * TOLERANCE[precision]:g} %; use eager"
    )


def _varying(name: str, tensor: torch.Tensor, packed: bool) -> dict[int, str]:
    """The dimensions that differ from batch to batch, named for the exporter."""
    fixed = (1, 2) if tensor.ndim == 4 else (0,) if packed and name in _ROW else ()
    return {i: f"{name}_{i}" for i in range(tensor.ndim) if i not in fixed}


def _batch(model: "PreTrainedModel", like: Batch, lengths: tuple[int, ...]) -> Batch:
    """A batch of random inputs of these lengths that has the tensors of `like`."""
    rng = np.random.default_rng(0)
    ids = Ragged.from_lists([rng.integers(5, model.config.vocab_size, n).tolist() for n in lengths])
    types = None if like.token_type_ids is None else Ragged(np.zeros_like(ids.values), ids.offsets)
    pad = model.config.pad_token_id
    inputs, rows = Inputs(ids, types, np.arange(len(lengths)), 0 if pad is None else pad), np.arange(len(lengths))
    if like.cu_seqlens is None:
        arrays = padded_arrays(inputs, rows, max(lengths), takes_staged_mask(model))
    else:
        width = sum(lengths) + 1
        arrays = packed_arrays(inputs, rows, width, len(lengths), first_position=first_position(model.config))
    return on_device(arrays, max(lengths), len(lengths), model.device)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracer's remarks on constants: `prove` finds those that matter."""
    logger = logging.getLogger("torch.onnx")
    before, logger.level = logger.level, logging.ERROR
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.level = before
