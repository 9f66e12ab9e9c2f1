"""energy_model.json: the numbers of energy models, with the sentences that say what they mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.files import write_text
from analysis.findings.energy_model.fit import Fit
from analysis.findings.energy_model.model import EnergyModel
from analysis.findings.energy_model.precision_factor import PrecisionFactor
from analysis.findings.plain import plain
from analysis.words import energy_model as words


def save(models: Sequence[EnergyModel], file: str | Path) -> None:
    """Write a list, one model per group of comparable rows; `common` says which group."""
    write_text(file, json.dumps([as_dict(m) for m in models], indent=1, allow_nan=False) + "\n")


def as_dict(model: EnergyModel) -> dict[str, Any]:
    """Plain values for JSON: null, never NaN."""
    found: dict[str, Any] = plain(
        {
            "common": model.common,
            "estimated": model.estimated,
            "length_fits": [_fit(fit) for fit in model.length_fits],
            "depth_fits": [_fit(fit) for fit in model.depth_fits],
            "precision_factors": [_factor(factor) for factor in model.precision_factors],
            "tokens_by_max_seq_len": model.tokens_by_max_seq_len,
            "inputs_by_max_seq_len": model.inputs_by_max_seq_len,
            "measured": model.measured.to_dict("records"),
            "warnings": words.warnings(model),
            "not_made": model.not_made,
            "sentences": words.sentences(model),
        }
    )
    return found


def _fit(fit: Fit) -> dict[str, Any]:
    of_errors = ("sd_j", "ordinary")  # worth a word where errors are of one size
    numbers = {name: getattr(fit, name) for name in fit.__dataclass_fields__ if fit.ordinary or name not in of_errors}
    attention = None
    if fit.attention is not None:
        known = {name: value for name, value in asdict(fit.attention).items() if value is not None}
        attention = known | {"reason": words.attention_reason(fit)}
    return numbers | {
        "formula": words.law(fit),
        "coefficients": [asdict(c) | {"meaning": words.meaning(c, fit)} for c in fit.coefficients],
        "residuals": fit.residuals.to_dict("records"),
        "attention": attention,
        "warnings": words.fit_warnings(fit),
        "verdict": words.fit_sentence(fit),
    }


def _factor(factor: PrecisionFactor) -> dict[str, Any]:
    numbers = asdict(factor)
    del numbers["tolerance"]  # told in `regime`
    return numbers | {"sentence": words.factor_sentence(factor), "regime": words.regime(factor)}
