"""Payback told: the sentence, its numbers, and that it stands in every form of the report."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.findings.payback import FinetuningCost, Payback
from analysis.report.build import build_report
from analysis.report.summary import summary
from analysis.words.payback import count_words, joules_words, sentence
from tests.make import runs as fabricated
from tests.make.runs import tuned

FP32, FP16 = (pd.Series({"configuration": name}) for name in ("fp32", "fp16"))


def test_the_sentence_names_the_cost_and_the_inferences() -> None:
    cost = FinetuningCost(32e3, 2, 30e3, 34e3, False)
    assert sentence(Payback(cost, FP32, FP16, 4e5, None, None)) == (
        "Fine-tuning took 32.0 kJ, the mean of 2 runs (30.0 kJ to 34.0 kJ); what fp16 saves against fp32 makes up "
        "for it after 400 thousand inferences."
    )
    assert sentence(None) == ""


def test_the_interval_is_told_where_its_ends_differ() -> None:
    cost = FinetuningCost(16e3, 1, 16e3, 16e3, True)
    said = sentence(Payback(cost, FP32, FP16, 2e5, 1.7e5, 2.43e5))
    assert "took 16.0 kJ (estimated); what" in said
    assert said.endswith("after 200 thousand inferences (95 %: 170 thousand to 240 thousand).")
    assert "95 %" not in sentence(Payback(cost, FP32, FP16, 2e5, 1.99e5, 2.01e5))


def test_words() -> None:
    assert [joules_words(v) for v in (12.3, 31_500.0, 1.4e6)] == ["12.3 J", "31.5 kJ", "1.40 MJ"]
    found = [count_words(v) for v in (7.2, 940, 1234, 67_400, 999_900, 1.23e6, 4.56e9)]
    assert found == ["7", "940", "1.2 thousand", "67 thousand", "1.0 million", "1.2 million", "4.6 billion"]


@pytest.mark.seconds
@pytest.mark.usefixtures("sketches")
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
