"""A batch in which nothing is padded reaches PyTorch's attention without a mask, whoever is tracing."""

from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.trial_config import TrialConfig
from tests.make import models as tiny
from trainables.load import prepare
from trainables.model.attention.padded import NAME
from trainables.model.cut import cut

CPU = torch.device("cpu")
ARCHITECTURES = ("bert", "roberta", "electra", "distilbert")


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The masks of all calls of PyTorch's attention, with a Transformers that cannot tell that nothing is padded."""
    monkeypatch.setattr("transformers.masking_utils._ignore_bidirectional_mask_sdpa", lambda *_, **__: False)
    seen: list[Any] = []
    real = torch.nn.functional.scaled_dot_product_attention

    def attend(*args: Any, attn_mask: Any = None, **settings: Any) -> Any:
        seen.append(attn_mask)
        return real(*args, attn_mask=attn_mask, **settings)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", attend)
    return seen


def logits(model: Any, lengths: list[int], width: int) -> np.ndarray:
    inputs = tiny.inputs(lengths, np.random.default_rng(0), model.config.pad_token_id)
    trial = TrialConfig("sst2", "tiny", 0, width, 4, "fp32", batch_size=2)
    with torch.inference_mode():
        return prepare(trial, model, inputs).outputs()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_full_batch_has_no_mask_and_a_padded_one_the_staged_mask(architecture: str, masks: list[Any]) -> None:
    model = cut(tiny.model(architecture), 4, torch.float32, CPU)
    assert model.config._attn_implementation == NAME
    logits(model, [8, 8, 8, 5], 8)
    assert masks[:4] == [None] * 4  # one per layer
    assert [tuple(m.shape) for m in masks[4:]] == [(2, 1, 1, 8)] * 4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_outputs_are_those_of_transformers_own_attention(architecture: str) -> None:
    ours = cut(tiny.model(architecture), 4, torch.float32, CPU)
    theirs = cut(tiny.model(architecture), 4, torch.float32, CPU)
    theirs.set_attn_implementation("sdpa")
    lengths = [8, 8, 8, 5]
    np.testing.assert_allclose(logits(ours, lengths, 8), logits(theirs, lengths, 8), atol=1e-5)


def test_a_mask_of_two_dimensions_still_counts() -> None:
    model = cut(tiny.model(), 4, torch.float32, CPU)
    ids = torch.arange(5, 13)[None]
    real = torch.tensor([[1, 1, 1, 1, 1, 0, 0, 0]])
    with torch.inference_mode():
        padded = model(input_ids=ids, attention_mask=real).logits
        alone = model(input_ids=ids[:, :5]).logits
    torch.testing.assert_close(padded, alone)


def test_sliding_windows_keep_their_own_masks() -> None:
    model = cut(tiny.model("modernbert"), 4, torch.float32, CPU)
    assert model.config._attn_implementation != NAME
