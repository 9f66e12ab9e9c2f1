"""A model as a whole: what one fit may take, and what is odd about the rows."""

import pytest

from analysis.errors import CannotAnswer
from analysis.findings.energy_model.model import fit_energy
from tests.make.rows import frame, linear_rows, row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "qqp"}, "several tasks"),
        ({"gpu_name": "L4"}, "several cards"),
        ({"gpu_uuid": "GPU-2"}, "several cards"),
        ({"energy_source": "nvml_power"}, "several energy sources"),
        ({"padding": "longest"}, "several paddings"),
        ({"backend": "cuda_graph"}, "several backends"),
        ({"batch_size": 128}, "several batch sizes"),
    ],
)
def test_mixed_rows_are_refused_with_a_sentence(change, message):
    with pytest.raises(CannotAnswer, match=message):
        fit_energy(frame([*linear_rows(), row(128, **change)]))


def test_too_few_rows_are_refused_with_a_sentence():
    with pytest.raises(CannotAnswer, match="2 lengths for 2 coefficients; at least 3 are needed"):
        fit_energy(frame([row(16), row(32, energy=0.2)]))
    with pytest.raises(CannotAnswer, match=r"no trial has a valid energy \(flag short_window\)"):
        fit_energy(frame([row(16, flags="short_window")]))


def test_energy_that_rises_as_work_falls_is_found():
    model = fit_energy(frame([row(length, energy=0.1 - length / 5000) for length in (16, 32, 64, 128)]))
    (fit,) = model.length_fits
    assert fit.coefficient("b").value < 0
    assert [(r.less, r.more) for r in model.rises] == [(64, 128), (32, 64), (16, 32)]


def test_estimated_rows_are_fitted_but_labelled():
    rows = linear_rows()
    for r in rows:
        r |= {"energy_source": "estimate", "flags": "estimated"}
    assert fit_energy(frame(rows)).estimated is True
