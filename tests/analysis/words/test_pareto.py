"""A Pareto set told: its corner, and how its probabilities are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings.assessment import Assessment, assessments
from analysis.findings.pareto import hypervolume
from analysis.findings.part import Part
from analysis.words.pareto import hypervolume_sentence, knee_sentence, probability_note, summary
from tests.make.rows import flipped, frame, row


def assessed(bootstrap: bool, replicates: int = 1, **values: object) -> Assessment:
    rows = [
        row(length, energy=energy, replicate=r, bits=flipped(lost, 0), **values)
        for length, energy, lost in ((128, 0.4, 0), (64, 0.1, 10), (16, 0.05, 200))
        for r in range(replicates)
    ]
    (found,) = assessments(frame(rows), rng=np.random.default_rng(0), bootstrap=bootstrap)
    return found


def test_the_reference_point_is_named() -> None:
    table = pd.DataFrame({"accuracy": [0.9, 0.8], "energy_j_per_example": [0.1, 0.01]})
    volume = hypervolume(table, reference={"accuracy": 0.7, "energy_j_per_example": 1.0})
    assert hypervolume_sentence(volume) == (
        "Hypervolume 0.3 (accuracy x log10 energy_j_per_example) against the reference point accuracy 0.7, "
        "energy_j_per_example 1."
    )


def test_a_knee_is_named_where_there_is_one() -> None:
    said = summary(assessed(False))
    assert said.startswith("Knee, where giving up more buys the least: fp32, 64 tokens. Hypervolume ")
    assert knee_sentence(pd.Series({"configuration": "x"})).endswith("least: x.")


@pytest.mark.parametrize(
    ("replicates", "values", "said"),
    [
        (1, {}, "no share of resamples, since no trial was repeated: how energy differs between trials is not known"),
        (
            1,
            {"energy_j_per_example_ci95": None},
            "no share of resamples, since no trial was repeated and energy would count as exact",
        ),
        (2, {}, ""),
    ],
)
def test_what_probabilities_hold_fixed_is_said(replicates: int, values: dict[str, object], said: str) -> None:
    assert probability_note(assessed(True, replicates, **values)) == said


def test_why_there_are_no_probabilities_is_said() -> None:
    found = assessed(False)
    assert probability_note(found) == "no probabilities were drawn"
    assert "correct_bits" in probability_note(assessed(True, correct_bits=None))
    without = replace(found, front=Part(None, "No Pareto set."))
    assert (probability_note(without), summary(without)) == ("No Pareto set.", "")
