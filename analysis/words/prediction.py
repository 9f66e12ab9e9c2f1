"""A predicted energy in words."""

from __future__ import annotations

from typing import Any

from analysis.findings.energy_model.prediction import Prediction
from analysis.words import short_windows
from analysis.words.energy_model import fit_warnings, law, uncut_sentence


def sentence(prediction: Prediction) -> str:
    p = prediction
    kind = "estimated energy" if p.estimated else "energy"
    limits = "no interval" if p.low is None else f"95 % {p.low:.3g} to {p.high:.3g}"
    text = (
        f"{p.precision}, {p.max_seq_len} tokens ({p.tokens_per_example:.4g} processed), depth {p.depth}: "
        f"{kind} {p.energy_j_per_example:.3g} J/example ({limits}), from {law(p.fit)}."
    )
    if p.measured_j_per_example is not None:
        text += f" Measured: {p.measured_j_per_example:.3g} J/example."
    if p.beyond:
        text += f" Extrapolated beyond {', '.join(map(str, p.beyond))}."
    return " ".join([text, *doubts(p)])


def doubts(prediction: Prediction) -> list[str]:
    """What the line itself is warned of."""
    cut = [] if prediction.uncut is None else [uncut_sentence(prediction.uncut)]
    return [*cut, *short_windows.sentences(prediction.short_windows), *fit_warnings(prediction.fit)]


def as_dict(prediction: Prediction) -> dict[str, Any]:
    """What `python -m analysis.predict --json` prints: plain values, null where unknown."""
    p = prediction
    return {
        "max_seq_len": p.max_seq_len,
        "depth": p.depth,
        "precision": p.precision,
        "tokens_per_example": p.tokens_per_example,
        "energy_j_per_example": p.energy_j_per_example,
        "low": p.low,
        "high": p.high,
        "formula": law(p.fit),
        "extrapolated": [str(r) for r in p.beyond],
        "measured_j_per_example": p.measured_j_per_example,
        "estimated": p.estimated,
        "warnings": doubts(p),
    }
