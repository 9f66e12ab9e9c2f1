"""A Pareto set in words: its knee, its hypervolume, and how its probabilities are known."""

from __future__ import annotations

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.front_probability import EXACT, WITHIN_TRIALS, spreads
from analysis.findings.pareto import Hypervolume, hypervolume, knee

_SPREADS = {
    EXACT: "no share of resamples, since no trial was repeated and {} would count as exact",
    WITHIN_TRIALS: "no share of resamples, since no trial was repeated: how {} differs between trials is not known",
}


def summary(assessment: Assessment) -> str:
    """Where giving up more buys the least, and how much the front dominates; empty where there is none."""
    front = assessment.front.value
    if front is None or front.empty:
        return ""
    middle = knee(front, assessment.objectives)
    lines = ["" if middle is None else knee_sentence(middle)]
    return " ".join(filter(None, [*lines, hypervolume_sentence(hypervolume(front, assessment.objectives))]))


def knee_sentence(middle: pd.Series) -> str:
    return f"Knee, where giving up more buys the least: {middle['configuration']}."


def hypervolume_sentence(volume: Hypervolume) -> str:
    axes = " x ".join(f"log10 {n}" if volume.log10[n] else n for n in volume.objectives)
    corner = ", ".join(f"{n} {v:.4g}" for n, v in volume.reference.items())
    return f"Hypervolume {volume.value:.4g} ({axes}) against the reference point {corner}."


def probability_note(assessment: Assessment) -> str:
    """Why there is no front, or no probability of being on it, or what its probabilities hold fixed; else empty."""
    front = assessment.front.value
    if front is None:
        return assessment.front.problem
    if assessment.unsure:
        return assessment.unsure
    known = spreads(front, assessment.objectives)
    return "; ".join(_SPREADS[kind].format(name) for name, kind in known.items() if kind in _SPREADS)
