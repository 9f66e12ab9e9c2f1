"""One complete pass of a tiny model: staged, built and run as a trial does it."""

from typing import Any

import numpy as np
import torch

from trainables import backends, batches
from trainables.measure import outputs_of
from trainables.model.architectures import first_position, takes_staged_mask
from trainables.model.attention.packed import use_packed_attention
from trainables.tasks.base import Inputs

CPU = torch.device("cpu")


def all_logits(model: Any, inputs: Inputs, padding: str, backend: str = "eager", batch_size: int = 4) -> np.ndarray:
    """Logits in the order of `inputs`, none of more than 16 tokens, on the CPU."""
    trial: Any = type("Trial", (), {"max_seq_len": 16, "batch_size": batch_size})
    plan = batches.plan(inputs.ids.lengths, batch_size, 16, padding)
    if padding == "packed":
        use_packed_attention(model, classify=True)
    staged = batches.stage(inputs, plan, CPU, takes_staged_mask(model), first_position(model.config))
    with torch.inference_mode():
        return outputs_of(backends.build(backend, model, staged), plan, staged, inputs, trial)
