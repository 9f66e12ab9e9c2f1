"""Weights as an export holds them: cut, cast and quantised as they were measured.

Unless quantised they are an ordinary Hugging Face folder of fewer layers. Quantised ones have a name of their own:
Transformers must not take 8-bit numbers for weights.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from search_spaces.precisions import PRECISIONS
from search_spaces.trial_config import TrialConfig
from trainables.model import loading
from trainables.model.cut import cut, quantise
from trainables.tasks.base import Head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

QUANTISED_FILE = "quantised.safetensors"
_CPU = torch.device("cpu")


def save_weights(master: "PreTrainedModel", trial: TrialConfig, folder: Path) -> None:
    """Write config and weights of the trial's model, made of the full one in fp32. Any machine can: also one that
    cannot run the precision."""
    precision = PRECISIONS[trial.precision]
    if not precision.quantised:
        loading.save(cut(master, trial.depth, getattr(torch, precision.dtype), _CPU), folder)
        return
    model = quantise(cut(master, trial.depth, torch.float32, _CPU), getattr(torch, precision.dtype), _CPU)
    model.config.dtype = None
    model.config.save_pretrained(folder)
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, folder / QUANTISED_FILE)


def load_weights(folder: Path, trial: TrialConfig, head: Head) -> "PreTrainedModel":
    """The model on the host, as it was saved; `trainables.load.cut` makes of it what runs."""
    precision = PRECISIONS[trial.precision]
    dtype = getattr(torch, precision.dtype)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    kind = loading.auto_class(head)
    model: PreTrainedModel = kind.from_config(config, dtype=torch.float32 if precision.quantised else dtype)
    if precision.quantised:
        quantise(model, dtype, _CPU)
    weights = load_file(folder / (QUANTISED_FILE if precision.quantised else loading.WEIGHTS_FILE))
    model.load_state_dict(weights, assign=True)
    return model.eval()
