"""The ratios that pages state are those of recorded rows: docs/stated/RUN.json against docs/results/RUN, and fresh
trials against the sentences."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from analysis.findings.assessment import assessments
from analysis.findings.claims.check import audit
from analysis.rows.cards import load_levelled
from analysis.rows.choices import load_choices
from analysis.words.rounding import format_interval

ROOT = Path(__file__).parents[1]
STATED = sorted((ROOT / "docs" / "stated").glob("*.json"))
FROM_TEXT = ROOT / "docs" / "results" / "2026-11-27-h100-end-to-end"
RAW_TEXT = sorted(
    file.stem
    for file in FROM_TEXT.glob("*.json")
    if not file.stem.startswith("earlier") and not file.stem.endswith("first")
)
CONFIRMED = sorted(file.parent for file in (ROOT / "docs" / "results").glob("*/confirmation.json"))


@pytest.mark.parametrize("file", STATED, ids=lambda file: file.stem)
def test_every_stated_ratio_is_that_of_the_rows(file: Path) -> None:
    found = audit(load_levelled(ROOT / "docs" / "results" / file.stem), file)
    assert found
    for finding in found:
        assert finding.problem == ""
        assert finding.measured_ratio == pytest.approx(finding.claimed_ratio, rel=0.005), finding.claim
        lost = finding.accuracy_change
        if lost is not None and lost <= -0.011:
            assert f"{-100 * lost:.1f} points lost" in finding.claim


def test_there_are_some() -> None:
    assert len(STATED) >= 14
    assert len(RAW_TEXT) >= 5
    assert len(CONFIRMED) >= 4


@pytest.mark.parametrize("run", CONFIRMED, ids=lambda run: run.name)
def test_what_fresh_trials_confirmed_is_stated_with_its_interval(run: Path) -> None:
    (found,) = assessments(load_levelled(run), rng=np.random.default_rng(0), bootstrap=False, choices=load_choices(run))
    confirmed = found.confirmation.value
    assert confirmed is not None, found.confirmation.problem
    saving = confirmed.saving
    stated = format_interval(saving.value, saving.low, saving.high, " times")  # "51.1 times (49.6 to 52.7)"
    pages = [ROOT / name for name in ("README.md", "EXPERIMENTS.md")]
    assert all(stated in re.sub(r"\s+", " ", page.read_text("utf-8").replace("**", "")) for page in pages), stated


@pytest.mark.parametrize("name", RAW_TEXT)
def test_what_raw_text_costs_is_stated_as_it_was_measured(name: str) -> None:
    found = json.loads((FROM_TEXT / f"{name}.json").read_text("utf-8"))
    bars = {bar["name"]: bar["value"] for bar in found["bars"]}
    raw, staged = found["ways"][0], found["staged_j_per_example"]
    row = (
        f"| {1e3 * staged:.2f} | {1e3 * raw['energy_j']:.2f} | {bars['raw over staged energy']:.2f} "
        f"| {1 / raw['seconds']:,.0f} | {bars['the cheapest peer over raw']:.2f} ("
    )
    assert row in (ROOT / "docs" / "deploy.md").read_text("utf-8")
    experiments = (ROOT / "EXPERIMENTS.md").read_text("utf-8")
    over_raw = {way["name"]: way["energy_j"] / raw["energy_j"] for way in found["ways"]}
    stated = {
        "raw over staged energy": bars["raw over staged energy"],
        "the published way over raw": over_raw["Transformers loop, fp32, padded to the limit, batch 64"],
        "the sorted fp16 loop over raw": over_raw["Transformers loop, fp16, sorted, longest, batch 436"],
    }
    for what, ratio in stated.items():
        line = next(line for line in experiments.splitlines() if line.startswith(f"| {what}"))
        assert any(f" {ratio:.{digits}f}" in line.replace("**", " ") for digits in (3, 2, 1)), (what, ratio)
