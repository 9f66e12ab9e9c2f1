"""The saving that a report takes apart: from the baseline to what, and over which steps."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.assessment import Assessment
from analysis.findings.decomposition import Step, decompose

MOST_ENDS = 20  # of the cheapest configurations, where none is recommended


@dataclass(frozen=True)
class Saving:
    """The way from the baseline to `end`, a row of the table, one axis switched at a time."""

    baseline: pd.Series
    end: pd.Series
    steps: list[Step]

    @property
    def ratio(self) -> float:
        """Energy of the baseline over that of the end."""
        return float(self.baseline["energy_j_per_example"] / self.end["energy_j_per_example"])


def saving(assessment: Assessment) -> Saving | None:
    """The way to the choice; None where there is no choice, or one axis makes it, or a step of it was not measured.

    Weights that were never trained keep no accuracy, so there the way ends at the cheapest configuration to which
    every step was measured.
    """
    baseline = assessment.baseline
    for end in _ends(assessment):
        try:
            return Saving(baseline, end, decompose(assessment.table, baseline, end))
        except CannotAnswer:
            continue
    return None


def _ends(assessment: Assessment) -> list[pd.Series]:
    if assessment.scored:
        found = assessment.recommendation.value
        return [] if found is None or found.choice is None else [found.choice]
    table, baseline = assessment.table, assessment.baseline
    cheaper = table[table["energy_j_per_example"] < baseline["energy_j_per_example"]]
    return [row for _, row in cheaper.nsmallest(MOST_ENDS, "energy_j_per_example").iterrows()]
