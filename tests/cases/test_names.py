"""Case 03: runs of different checkpoints are different configurations, named after what ran."""

from dataclasses import replace
from pathlib import Path

import pytest

import analysis
from analysis.errors import CannotAnswer
from search_spaces.errors import UsageError
from search_spaces.presets import preset
from search_spaces.trial_config import TrialConfig
from tests.make.rows import row, write_trial
from tuner.plan import plan


def planned(checkpoint: Path) -> TrialConfig:
    config = preset("sst2")
    axes = replace(config.axes, max_seq_len=(32,), depth=("full",), precision=("fp32",))
    (trial,) = plan(replace(config, axes=axes, checkpoint=str(checkpoint))).trials
    return trial


def test_03_the_checkpoint_names_the_row(models: Path) -> None:
    for variant in ("demo", "reversed"):
        trial = planned(models / variant)
        assert variant in trial.model
        assert variant in trial.trial_id
        assert "bert-base" not in trial.model + trial.trial_id


def test_03_two_checkpoints_are_no_one_row(models: Path, tmp_path: Path) -> None:
    """Two runs in one table: kept apart, or refused."""
    for variant, right in (("demo", 780), ("reversed", 92)):
        trial = planned(models / variant)
        measured = row(32, trial.depth, "fp32", model=trial.model, seed=trial.seed, right=right)
        write_trial(tmp_path / variant / "ray/measure-0", measured | {"trial_id": trial.trial_id})
    try:
        table = analysis.configurations(analysis.load(tmp_path / "demo", tmp_path / "reversed"))
    except (UsageError, CannotAnswer):
        return
    assert sorted(table["accuracy"]) == pytest.approx([92 / 872, 780 / 872])
