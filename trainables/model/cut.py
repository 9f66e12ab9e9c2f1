"""A model of the first k layers: cut from the full one, cast or quantised, and placed on a device."""

import copy
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainables.model import quantized
from trainables.model.architectures import ARCHITECTURES, layer_list, takes_staged_mask
from trainables.model.attention.padded import use_padded_attention
from trainables.model.attention.position_bias import use_position_bias

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def cut(master: "PreTrainedModel", depth: int, dtype: torch.dtype, device: torch.device) -> "PreTrainedModel":
    """A model of the first `depth` layers of `master`, cast and on the device. `master` stays as it is.

    For an 8-bit `dtype` the linear layers of the encoder are quantised, unless they are already, and the rest is cast
    to bf16 (`trainables.model.quantized`); `BackendError` where the device cannot. The parameters share the master's
    memory until cast or moved, so nothing is copied twice.
    """
    path = ARCHITECTURES[master.config.model_type].layers
    layers = layer_list(master)
    dropped = {id(p) for layer in layers[depth:] for p in layer.parameters()}
    # Parameters are aliased rather than copied; those of dropped layers never reach the new model.
    memo: dict[int, Any] = {
        id(p): nn.Parameter(p.detach(), requires_grad=False) for p in master.parameters() if id(p) not in dropped
    }
    memo |= {id(layer): nn.Identity() for layer in layers[depth:]}
    model = copy.deepcopy(master, memo)
    parent, _, name = path.rpartition(".")
    owner = reduce(getattr, parent.split("."), model.base_model) if parent else model.base_model
    setattr(owner, name, nn.ModuleList(list(getattr(owner, name))[:depth]))
    model.config.num_hidden_layers = depth  # or a saved model would reload with random layers
    if getattr(model.config, "layer_types", None):  # of ModernBERT, one per layer
        model.config.layer_types = model.config.layer_types[:depth]
    if ARCHITECTURES[model.config.model_type].position_bias:
        use_position_bias(model)
    elif takes_staged_mask(model):
        use_padded_attention(model)
    if dtype.itemsize == 1:
        quantized.require_support(dtype, device)
        return quantise(model, dtype, device).eval()
    return model.to(device=device, dtype=dtype).eval()


def quantise(model: "PreTrainedModel", dtype: torch.dtype, device: torch.device) -> "PreTrainedModel":
    """Quantise the encoder's linear layers in place, straight from the fp32 weights, one on the device at a time: a
    peak is not raised by copies. Every device can do it, also one that cannot multiply the result."""
    found = quantized.linears(layer_list(model))
    for parent, name, _ in found:  # taken out first: a cast of the model would cast the quantised weights, too
        setattr(parent, name, nn.Identity())
    model.to(device=device, dtype=quantized.CARRIER)
    for parent, name, linear in found:
        done = isinstance(linear, quantized.QuantizedLinear)
        setattr(parent, name, linear.to(device) if done else quantized.QuantizedLinear(linear, dtype, device))
    return model
