"""The state a precision sets in a process, and the dtype a model is cut for."""

import numpy as np
import pytest
import torch

from search_spaces.errors import UsageError
from search_spaces.precisions import PRECISIONS, Precision
from search_spaces.trial_config import TrialConfig
from tests.make import models as tiny
from tests.make.passes import CPU, all_logits
from trainables.device import set_precision
from trainables.model.cut import cut


def test_every_precision_of_a_configuration_has_a_dtype():
    for precision in PRECISIONS:
        trial = TrialConfig("sst2", "m", 42, 48, 12, precision)
        assert f"-{precision}-" in trial.trial_id
        assert set_precision(precision).itemsize == {"int8": 1, "fp8": 1, "bf16": 2, "fp16": 2}.get(precision, 4)


@pytest.fixture
def fp64():
    """A made-up precision."""
    PRECISIONS.add(Precision("fp64", "float64"))
    yield "fp64"
    del PRECISIONS["fp64"]


def test_a_new_precision_is_its_entry(fp64, rng):
    assert TrialConfig("sst2", "m", 42, 48, 12, fp64).precision == fp64
    model = cut(tiny.model(), 2, set_precision(fp64), CPU)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    inputs = tiny.inputs([3, 16, 9], rng)
    exact = all_logits(cut(tiny.model(), 2, torch.float32, CPU), inputs, "longest")
    np.testing.assert_allclose(all_logits(model, inputs, "longest"), exact, atol=1e-4)


def test_one_that_is_not_entered_says_which_are():
    with pytest.raises(UsageError, match=r"a precision must be one of fp32, .*, but got 'fp64'"):
        set_precision("fp64")
