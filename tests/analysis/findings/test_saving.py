"""Which saving is taken apart: the choice's, or of untrained weights the cheapest that can be."""

import numpy as np
import pytest

from analysis.findings.assessment import Assessment, assessments
from analysis.findings.saving import saving
from tests.make.rows import frame, row

CORNERS = [("fp32", 128, 1.2), ("fp16", 128, 0.3), ("fp32", 64, 0.6), ("fp16", 64, 0.2)]


def assessed(rows: list[dict[str, object]]) -> Assessment:
    (found,) = assessments(frame(rows), rng=np.random.default_rng(0), bootstrap=False)
    return found


def test_the_way_leads_to_the_choice() -> None:
    found = saving(assessed([row(length, precision=p, energy=e) for p, length, e in CORNERS]))
    assert found is not None
    assert [(s.axis, s.saving.value) for s in found.steps] == [
        ("precision", pytest.approx(4.0)),
        ("max_seq_len", pytest.approx(1.5)),
    ]
    assert found.ratio == pytest.approx(6.0)


def test_one_axis_is_no_way_and_no_choice_neither() -> None:
    assert saving(assessed([row(128, energy=1.2), row(64, energy=0.6)])) is None
    worse = [
        row(length, precision=p, energy=e, right=800 if (p, length) == ("fp32", 128) else 700)
        for p, length, e in CORNERS
    ]
    assert saving(assessed(worse)) is None


def test_untrained_weights_end_at_the_cheapest_to_which_every_step_was_measured() -> None:
    rows = [row(length, precision=p, energy=e) for p, length, e in CORNERS]
    rows.append(row(64, precision="fp8", batch_size=218, energy=0.1))  # cheapest, but no step leads to it
    unknown = {"accuracy": None, "correct_bits": None}
    assessment = assessed([r | unknown for r in rows])
    assert not assessment.scored
    found = saving(assessment)
    assert found is not None
    assert (found.end["precision"], found.end["max_seq_len"]) == ("fp16", 64)
