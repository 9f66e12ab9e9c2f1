"""After how many inferences a configuration has made up for its fine-tuning: by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.payback import finetuning_cost, payback
from analysis.statistics.intervals import NONE, REPLICATES, WITHIN
from tests.make.runs import tuned


def ends(baseline: float, choice: float, half: float = np.nan, kind: str = REPLICATES) -> tuple[pd.Series, pd.Series]:
    def one(energy: float, name: str) -> pd.Series:
        known = {"energy_j_per_example_ci95": half, "interval_kind": NONE if np.isnan(half) else kind}
        return pd.Series({"energy_j_per_example": energy, **known, "configuration": name})

    return one(baseline, "fp32"), one(choice, "fp16")


def test_inferences_are_joules_over_joules_saved() -> None:
    """30 and 34 kJ: 32 kJ on average; 0.10 - 0.02 J saved: 400,000 inferences."""
    cost = finetuning_cost(tuned(30e3, 34e3), "sst2", "bert-base", "nvml_counter")
    assert cost is not None
    assert (cost.energy_j, cost.runs, cost.estimated) == (32e3, 2, False)
    assert cost.inferences(0.10 - 0.02) == pytest.approx(400_000)
    assert cost.inferences(0.0) == cost.inferences(-1.0) == float("inf")
    found = payback(cost, *ends(0.10, 0.02))
    assert found.inferences == pytest.approx(400_000)
    assert (found.low, found.high) == (None, None)


def test_the_interval_is_that_of_the_energies() -> None:
    """0.08 J saved, known to sqrt(2) x 0.01 J: 16 kJ are 200 thousand inferences, 170 to 243 thousand."""
    cost = finetuning_cost(tuned(16e3), "sst2", "bert-base", "nvml_power")
    assert cost is not None
    found = payback(cost, *ends(0.10, 0.02, half=0.01))
    assert (found.low, found.high) == (pytest.approx(16e3 / 0.0941421), pytest.approx(16e3 / 0.0658579))
    wide = payback(cost, *ends(0.10, 0.02, half=0.06))  # whether anything is saved is open
    assert (wide.low, wide.high) == (pytest.approx(16e3 / (0.08 + 0.06 * 2**0.5)), None)
    once = payback(cost, *ends(0.10, 0.02, half=0.001, kind=WITHIN))  # windows say nothing of other trials
    assert (once.inferences, once.low, once.high) == (200_000, None, None)


@pytest.mark.parametrize(
    ("finetune", "source"),
    [
        (pd.DataFrame(), "nvml_counter"),  # no table
        (tuned(1.0).drop(columns="train_energy_j"), "nvml_counter"),  # written before it was measured
        (tuned(None, float("nan"), 0.0), "nvml_counter"),  # the sensor failed
        (tuned(1.0), "estimate"),  # measured fine-tuning, estimated inference
        (tuned(1.0, source="estimate"), "nvml_counter"),
        (tuned(1.0, source="rapl"), "nvml_counter"),
        (tuned(1.0), None),
        (tuned(1.0, task="qqp"), "nvml_counter"),
        (tuned(1.0, model="other"), "nvml_counter"),
        (tuned(1.0, train_energy_source=None), None),
    ],
)
def test_nothing_is_said_where_it_cannot_be_compared(finetune: pd.DataFrame, source: str | None) -> None:
    assert finetuning_cost(finetune, "sst2", "bert-base", source) is None


def test_only_the_seeds_measured_count() -> None:
    cost = finetuning_cost(tuned(10.0, 20.0, None), "sst2", "bert-base", "nvml_counter", seeds=[43, 44])
    assert cost is not None
    assert (cost.energy_j, cost.runs) == (20.0, 1)
