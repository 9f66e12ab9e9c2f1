"""energy_model.json: JSON without NaN, and the sentences beside the numbers."""

import json
from pathlib import Path

from analysis.findings.energy_model.model import EnergyModel, fit_energy
from analysis.report.energy_model_json import save
from tests.make.rows import frame, linear_rows, row


def test_json_has_no_nan(tmp_path: Path) -> None:
    rows = linear_rows(factors={"fp32": 1.0, "fp16": 4.0})
    (found,) = json.loads(_saved(fit_energy(frame(rows)), tmp_path / "energy_model.json"))
    assert found["depth_fits"][0]["precision"] == "fp32"
    assert found["depth_fits"][0]["formula"] == "E = a + b * depth * tokens"
    assert found["precision_factors"][0]["pairs"][0]["ratio"] == 4.0
    assert found["sentences"][0] == found["depth_fits"][0]["verdict"]


def test_an_unknown_limit_is_null(tmp_path: Path) -> None:
    """Layers times tokens are 192 in three of four configurations: the fourth has the slope to itself."""
    rows = [row(16, 12, energy=0.1), row(32, 6, energy=0.11), row(64, 3, energy=0.1), row(128, 12, energy=0.5)]
    (found,) = json.loads(_saved(fit_energy(frame(rows)), tmp_path / "energy_model.json"))
    assert found["depth_fits"][0]["coefficients"][1]["low"] is None
    assert found["depth_fits"][0]["covariance"][0][0] is None


def _saved(model: EnergyModel, file: Path) -> str:
    save([model], file)
    text = file.read_text(encoding="utf-8")
    assert "NaN" not in text
    return text
