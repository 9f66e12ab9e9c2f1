"""One complete pass of a tiny model: staged, built and run as a trial does it."""

from typing import Any

import numpy as np
import torch

from search_spaces.trial_config import TrialConfig
from trainables.load import prepare
from trainables.model.attention.packed import use_packed_attention
from trainables.tasks.base import Inputs

CPU = torch.device("cpu")


def all_logits(
    model: Any, inputs: Inputs, padding: str, backend: str = "eager", batch_size: int = 4, classify: bool = True
) -> np.ndarray:
    """Logits in the order of `inputs`, none of more than 16 tokens, on the device of a model that was cut before."""
    if padding == "packed":
        use_packed_attention(model, classify=classify)
    trial = TrialConfig("sst2", "tiny", 0, 16, 1, "fp32", batch_size=batch_size, padding=padding, backend=backend)
    with torch.inference_mode():
        return prepare(trial, model, inputs).outputs()
