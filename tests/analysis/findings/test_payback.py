"""After how many inferences a configuration has made up for its fine-tuning: by hand, and where nothing is said."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.findings.payback import finetuning_cost, payback
from analysis.report.build import build_report
from analysis.report.summary import summary
from analysis.words.payback import count_words, joules_words, sentence
from tests.make import runs as fabricated


def tuned(*energies: float | None, source: str = "nvml_counter", **values: object) -> pd.DataFrame:
    """finetune.csv with one run per energy, of seeds 42, 43, ..."""
    known = {"task": "sst2", "model": "bert-base", "train_energy_source": source} | values
    return pd.DataFrame([known | {"seed": 42 + i, "train_energy_j": e} for i, e in enumerate(energies)])


def ends(baseline: float, choice: float, half: float = np.nan) -> tuple[pd.Series, pd.Series]:
    def one(energy: float, name: str) -> pd.Series:
        return pd.Series({"energy_j_per_example": energy, "energy_j_per_example_ci95": half, "configuration": name})

    return one(baseline, "fp32"), one(choice, "fp16")


def test_inferences_are_joules_over_joules_saved() -> None:
    """30 and 34 kJ: 32 kJ on average; 0.10 - 0.02 J saved: 400,000 inferences."""
    cost = finetuning_cost(tuned(30e3, 34e3), "sst2", "bert-base", "nvml_counter")
    assert cost is not None
    assert (cost.energy_j, cost.runs, cost.estimated) == (32e3, 2, False)
    assert cost.inferences(0.10 - 0.02) == pytest.approx(400_000)
    assert cost.inferences(0.0) == cost.inferences(-1.0) == float("inf")
    assert sentence(payback(cost, *ends(0.10, 0.02))) == (
        "Fine-tuning took 32.0 kJ, the mean of 2 runs (30.0 kJ to 34.0 kJ); what fp16 saves against fp32 makes up "
        "for it after 400 thousand inferences."
    )


def test_the_interval_is_that_of_the_energies() -> None:
    """0.08 J saved, known to sqrt(2) x 0.01 J: 16 kJ are 200 thousand inferences, 170 to 243 thousand."""
    cost = finetuning_cost(tuned(16e3), "sst2", "bert-base", "nvml_power")
    assert cost is not None
    assert "after 200 thousand inferences (95 %: 170 thousand to 240 thousand)." in sentence(
        payback(cost, *ends(0.10, 0.02, half=0.01))
    )


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


def test_words() -> None:
    assert [joules_words(v) for v in (12.3, 31_500.0, 1.4e6)] == ["12.3 J", "31.5 kJ", "1.40 MJ"]
    found = [count_words(v) for v in (7.2, 940, 1234, 67_400, 999_900, 1.23e6, 4.56e9)]
    assert found == ["7", "940", "1.2 thousand", "67 thousand", "1.0 million", "1.2 million", "4.6 billion"]


@pytest.mark.parametrize("source", ["nvml_counter", "estimate"])
def test_the_report_says_it_in_every_form(tmp_path: Path, source: str) -> None:
    rows = fabricated.table(lengths=(64, 128), depths=(12,), energy_source=source)
    folder = fabricated.write_csv_run(tmp_path / "run", rows)
    tuned(31e3, source=source, model="bert-base-uncased").to_csv(folder / "finetune.csv", index=False)
    report = build_report([folder], bootstrap=False)
    said = "Fine-tuning took 31.0 kJ" + (" (estimated)" if source == "estimate" else "")
    assert said in report.html.read_text(encoding="utf-8")
    assert said in report.markdown.read_text(encoding="utf-8")
    assert said in " ".join(summary(report).split())
    (folder / "finetune.csv").unlink()
    assert "Fine-tuning took" not in build_report([folder], bootstrap=False).html.read_text(encoding="utf-8")
