"""What a CUDA graph of a step could not capture: a tensor that comes from the host. Found without a GPU, on "meta"."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.make import models as tiny
from trainables.finetune import train_step
from trainables.finetune.train_step import TrainStep
from trainables.model.architectures import ARCHITECTURES

META = torch.device("meta")


class FromTheHost(TorchDispatchMode):
    """Copies from another device."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        out = operator(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
        if any(tensor.device != META for tensor in tensors):
            self.found.append(str(operator))
        return out


# Where layers differ in what they see, Transformers asks the mask whether anything is padded, but not in a capture.
@pytest.mark.parametrize("architecture", [a.name for a in ARCHITECTURES.values() if not a.sliding_windows])
def test_a_step_takes_nothing_from_the_host(architecture, rng, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setitem(train_step.WIDTH_MULTIPLE, "meta", 8)
    model = tiny.model(architecture).to(META).train()
    inputs = tiny.inputs([3, 9, 12, 5], rng, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = TrainStep(model, optimizer, inputs, {"labels": np.array([0, 1, 1, 0])}, META)
    indices = torch.arange(4, device=META)
    with FromTheHost() as host:
        step._step(indices, 16)
    assert host.found == []
