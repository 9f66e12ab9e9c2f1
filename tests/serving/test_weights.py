"""Weights are saved as they were measured, of every architecture, and what they compute is the same to the bit."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from search_spaces.trial_config import TrialConfig
from serving.weights import load_weights, save_weights
from tests.make import models as tiny
from trainables.device import BackendError, set_precision
from trainables.load import cut
from trainables.model.architectures import ARCHITECTURES

CPU = torch.device("cpu")
IDS = torch.randint(5, 50, (3, 10), generator=torch.Generator().manual_seed(0))


def logits(model):
    with torch.inference_mode():
        return model(input_ids=IDS).logits.float().numpy()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16", "int8"])
def test_what_is_loaded_computes_what_was_measured(architecture, precision, tmp_path):
    trial = TrialConfig("sst2", "tiny", 0, 16, 2, precision)
    master = tiny.model(architecture)
    before = {name: tensor.clone() for name, tensor in master.state_dict().items()}
    save_weights(master, trial, tmp_path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in master.state_dict().items())
    measured = cut(trial, tiny.model(architecture), CPU)
    again = cut(trial, load_weights(tmp_path, trial, "sequence_classification"), CPU)
    np.testing.assert_array_equal(logits(again), logits(measured))
    assert next(again.parameters()).dtype == next(measured.parameters()).dtype
    if precision != "int8":
        plain = AutoModelForSequenceClassification.from_pretrained(tmp_path, dtype=set_precision(precision)).eval()
        assert plain.config.num_hidden_layers == 2
        np.testing.assert_allclose(logits(plain), logits(measured), atol=1e-5 if "32" in precision else 0.2)


def test_8_bits_of_a_card_are_the_same_made_here(tmp_path):
    trial = TrialConfig("sst2", "tiny", 0, 16, 2, "fp8")
    save_weights(tiny.model(), trial, tmp_path)
    model = load_weights(tmp_path, trial, "sequence_classification")
    eight = [t for t in model.state_dict().values() if t.dtype == torch.float8_e4m3fn]
    assert len(eight) == 2 * 6
    with pytest.raises(BackendError, match="fp8 needs a CUDA device"):
        cut(trial, model, CPU)
