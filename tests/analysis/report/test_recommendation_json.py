"""recommendation.json: what it says of a comparison, held to its schema, and what a reader refuses."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from analysis.findings.assessment import Assessment, assessments
from analysis.report.build import build_report
from analysis.report.recommendation_json import NOT_SCORED, NOTHING_CHEAPER, recommended, save
from search_spaces.errors import UsageError
from tests.make.fresh import FakeDriver, fresh, swept
from tests.make.rows import flipped, frame, row
from trainables.rows.recommendation import RECOMMENDATION_FILE, read_recommendations
from tuner.confirm import confirm

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "recommendation.schema.json").read_text("utf-8"))
SPEEDUP = [row(128, energy=0.4), row(48, precision="fp16", energy=0.02, bits=flipped(1, 0))]


def assessed(rows: list[dict]) -> list[Assessment]:
    return assessments(frame(rows), rng=np.random.default_rng(0), bootstrap=False)


def test_the_choice_its_baseline_and_what_they_are_of(tmp_path: Path) -> None:
    save(assessed(SPEEDUP), tmp_path / RECOMMENDATION_FILE)
    jsonschema.validate(json.loads((tmp_path / RECOMMENDATION_FILE).read_text()), SCHEMA)
    (found,) = read_recommendations(tmp_path)
    assert found.choice is not None
    assert found.baseline is not None
    assert found.saving is not None
    assert found.choice.trial == SPEEDUP[1]["trial_id"]
    assert found.choice.configuration["precision"] == "fp16"
    assert found.choice.configuration["max_seq_len"] == 48
    assert (found.choice.energy_j_per_example, found.baseline.energy_j_per_example) == (0.02, 0.4)
    assert (found.saving.value, found.saving.low) == (pytest.approx(20), None)
    assert (found.confirmed, found.reason, found.verdict) == ("absent", "", "not worse")
    assert (found.weights_digest, found.recipe_digest, found.data_digest) == ("weights-42", "recipe", "data")
    assert (found.run, found.card, found.estimated) == ("fabricated", "H100", False)


def test_of_several_seeds_the_first_stands_for_the_configuration() -> None:
    rows = [row(n, energy=n / 1e3, seed=seed) for seed in (44, 43) for n in (128, 48)]
    (found,) = map(recommended, assessed(rows))
    assert found.choice is not None
    assert "-s43-" in found.choice.trial
    assert found.weights_digest == "weights-43"


@pytest.mark.parametrize(("factor", "confirmed"), [(1.0, "yes"), (5.0, "no")])
@pytest.mark.usefixtures("sketches")
def test_fresh_trials_confirm_it_or_leave_it_open(factor: float, confirmed: str, tmp_path: Path) -> None:
    """The choice (48 tokens) needs a fifth of the baseline's energy; measured afresh as much, or five times that."""
    run = swept(tmp_path / "run")
    driver = FakeDriver(run, lambda trial, _: fresh(trial, factor if trial.max_seq_len == 48 else 1.0))
    assert confirm(driver)  # type: ignore[arg-type]
    build_report([run], bootstrap=False)
    jsonschema.validate(json.loads((run / RECOMMENDATION_FILE).read_text()), SCHEMA)
    (found,) = read_recommendations(run)
    assert found.saving is not None
    assert found.choice is not None
    assert found.confirmed == confirmed
    assert found.saving.value == pytest.approx(5 / factor)
    assert found.choice.energy_j_per_example == pytest.approx(0.02 * factor)
    assert ("leave open whether anything is saved" in found.confirmed_because) == (confirmed == "no")
    assert found.choice.trial.endswith("-r0"), "a trial of the sweep"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(128, energy=0.4), row(16, energy=0.1, right=500)], NOTHING_CHEAPER),
        ([row(n, energy=n / 1e3, accuracy=None, correct_bits=None) for n in (128, 16)], NOT_SCORED),
    ],
)
def test_without_a_choice_it_says_why(rows: list[dict], reason: str, tmp_path: Path) -> None:
    save(assessed(rows), tmp_path / RECOMMENDATION_FILE)
    jsonschema.validate(json.loads((tmp_path / RECOMMENDATION_FILE).read_text()), SCHEMA)
    (found,) = read_recommendations(tmp_path)
    assert (found.choice, found.saving, found.reason) == (None, None, reason)
    assert found.baseline is not None


def test_comparisons_apart_are_answers_apart() -> None:
    rows = SPEEDUP + [row(n, energy=n / 1e3, gpu_name="L4", gpu_uuid="GPU-2") for n in (128, 64)]
    found = [recommended(one) for one in assessed(rows)]
    assert {one.card for one in found} == {"H100", "L4"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, r"has none; write it anew: python -m analysis.report .*--trial ID"),
        ("{", "must hold JSON"),
        ('{"version": 2, "recommendations": []}', "must be of version 1, but is of 2"),
        ("[]", "must be of version 1, but is of None"),
        ('{"version": 1, "recommendations": [{}]}', "is damaged"),
    ],
)
def test_a_reader_refuses_what_it_cannot_read(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / RECOMMENDATION_FILE).write_text(text)
    with pytest.raises(UsageError, match=said):
        read_recommendations(tmp_path)
