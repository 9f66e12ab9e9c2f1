"""Predictions between the measured configurations, with intervals that cover, and none beyond them unasked."""

import numpy as np
import pytest

from analysis.findings.energy_model.model import fit_energy
from analysis.findings.energy_model.prediction import Range, predict
from search_spaces.errors import UsageError
from tests.make.rows import frame, linear_rows

A, B = 0.005, 2e-5


def test_a_configuration_between_the_measured_ones_is_predicted():
    model = fit_energy(frame(linear_rows(A, B, noise=0.01, replicates=3)))
    answer = predict(model, 56, 9, "fp32")
    truth = A + B * 9 * 56
    assert answer.low < truth < answer.high
    assert answer.energy_j_per_example == pytest.approx(truth, rel=0.02)
    assert answer.beyond == ()
    assert answer.measured_j_per_example is None
    assert predict(model, 48, 8, "fp32").measured_j_per_example is not None


@pytest.mark.seconds
def test_prediction_intervals_cover_new_measurements():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(40):
        model = fit_energy(frame(linear_rows(A, B, depths=(12,), noise=0.03, rng=rng)))
        answer = predict(model, 56, 12, "fp32")
        new = (A + B * 12 * 56) * (1 + 0.03 * rng.standard_normal())
        hits.append(answer.low < new < answer.high)
    assert np.mean(hits) >= 0.9


def test_extrapolation_is_refused_unless_asked_for():
    model = fit_energy(frame(linear_rows(A, B)))
    with pytest.raises(UsageError, match="measured lengths 16 to 128 tokens; add --extrapolate"):
        predict(model, 256, 12, "fp32")
    with pytest.raises(UsageError, match="measured depths 2 to 12"):
        predict(model, 64, 24, "fp32")
    answer = predict(model, 256, 24, "fp32", extrapolate=True)
    assert answer.energy_j_per_example == pytest.approx(A + B * 24 * 256)
    assert answer.beyond == (Range("max_seq_len", 16, 128), Range("depth", 2, 12))
    with pytest.raises(UsageError, match="precision must be one with a fit"):
        predict(model, 64, 12, "bf16")


def test_processed_tokens_of_other_paddings_are_interpolated():
    rows = linear_rows(A, B, depths=(12,))
    for r in rows:
        r["padding"] = "longest"
        r["tokens_per_example"] = min(r["max_seq_len"], 30.0)
        r["energy_j_per_example"] = A + 12 * B * r["tokens_per_example"]
    answer = predict(fit_energy(frame(rows)), 56, 12, "fp32")
    assert answer.tokens_per_example == pytest.approx(30.0)
