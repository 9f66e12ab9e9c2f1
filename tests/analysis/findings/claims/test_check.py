"""Claims against rows: the published ones, and verdicts with known answers."""

import pandas as pd
import pytest

from analysis.findings.claims.check import audit
from analysis.findings.noninferiority import judge
from tests.make.claims import claims_file
from tests.make.rows import frame, row

PUBLISHED = "analysis/data/l4_published.csv"
SAVINGS = (("sst2", 0.4), ("qqp", 0.2))


def by_task_and_claim(findings):
    return {(f.task, f.claim.split(" (")[0]): f for f in findings}


@pytest.mark.seconds
def test_the_published_claims_against_the_published_rows():
    found = by_task_and_claim(audit())
    ratios = {key: round(f.measured_ratio, 1) for key, f in found.items()}
    assert ratios == {
        ("sst2", "128 -> 48 tokens at fp32"): 3.1,
        ("sst2", "fp32 -> fp16 at 128 tokens"): 4.5,
        ("sst2", "fp32 at 128 -> fp16 at 48 tokens"): 11.8,
        ("sst2", "fp32 at 128 -> fp16 at 16 tokens"): 28.5,
        ("qqp", "128 -> 48 tokens at fp32"): 2.8,
        ("qqp", "fp32 -> fp16 at 128 tokens"): 3.7,
        ("qqp", "fp32 at 128 -> fp16 at 48 tokens"): 11.0,
        ("qqp", "fp32 at 128 -> fp16 at 16 tokens"): 18.1,
    }
    verdicts = {key: f.verdict for key, f in found.items()}
    assert verdicts[("sst2", "128 -> 48 tokens at fp32")] == "does not hold"
    assert verdicts[("sst2", "fp32 -> fp16 at 128 tokens")] == "cannot be told"
    assert verdicts[("sst2", "fp32 at 128 -> fp16 at 48 tokens")] == "does not hold"
    assert verdicts[("sst2", "fp32 at 128 -> fp16 at 16 tokens")] == "does not hold"
    assert verdicts[("qqp", "fp32 -> fp16 at 128 tokens")] == "holds"
    assert not any(f.trustworthy for f in found.values() if f.task == "sst2")
    assert all(f.trustworthy for f in found.values() if f.task == "qqp")
    lost = found[("sst2", "fp32 at 128 -> fp16 at 16 tokens")]
    assert lost.accuracy_change == pytest.approx(-0.0975, abs=1e-4)
    assert lost.accuracy_lost
    assert lost.short_windows


@pytest.mark.seconds
def test_a_removed_row_cannot_be_told(tmp_path):
    rows = pd.read_csv(PUBLISHED)
    file = tmp_path / "rows.csv"
    rows[rows.task == "sst2"].to_csv(file, index=False)
    found = [f for f in audit(file) if f.task == "qqp"]
    assert {f.verdict for f in found} == {"cannot be told"}
    assert found[0].problem == "no row of qqp"
    assert found[0].measured_ratio is None


@pytest.mark.seconds
def test_replicates_give_the_ratio_an_interval(tmp_path):
    def rows(spread):
        return frame(
            [
                row(128, precision=p, replicate=i, energy=e * (1 + s))
                for p, e in (("fp32", 0.4), ("fp16", 0.1))
                for i, s in enumerate((-spread, 0, spread))
            ]
        )

    (sharp,) = audit(rows(0.01), claims_file(tmp_path))
    assert sharp.verdict == "holds"
    assert sharp.interval_kind == "replicates"
    assert sharp.ratio_low < 4 < sharp.ratio_high
    (vague,) = audit(rows(0.3), claims_file(tmp_path))
    assert vague.verdict == "cannot be told"
    assert vague.perhaps_too_small
    assert not vague.too_small


def test_other_replicates_of_the_rows_count_too(tmp_path):
    """The two of the claim were measured once; how much trials differ is known from the third, as in the report."""
    rows = frame(
        [row(128, energy=0.4), row(128, precision="fp16", energy=0.1)]
        + [row(64, replicate=i, energy=e) for i, e in enumerate((0.198, 0.202))]
    )
    (found,) = audit(rows, claims_file(tmp_path))
    assert found.interval_kind == "replicates of others"
    judged = judge(rows).table.set_index("precision")
    assert found.ratio_high == pytest.approx(judged.loc["fp16", "energy_ratio_high"])


def test_rows_of_the_same_name_are_told_apart(tmp_path):
    """Two tables that a caller joined as they were: each counts its rows from 0."""
    tables = [frame([row(128, task=t, energy=e), row(128, task=t, precision="fp16", energy=0.1)]) for t, e in SAVINGS]
    found = audit(pd.concat(tables), claims_file(tmp_path))
    assert [(f.task, f.measured_ratio) for f in found] == [("sst2", pytest.approx(4)), ("qqp", pytest.approx(2))]


def test_several_configurations_are_not_averaged(tmp_path):
    rows = frame([row(128), row(128, depth=6), row(128, precision="fp16")])
    (found,) = audit(rows, claims_file(tmp_path))
    assert found.verdict == "cannot be told"
    assert "2 different configurations" in found.problem


def test_invalid_flags_and_missing_accuracy_leave_it_open(tmp_path):
    flagged = frame([row(128, energy=0.4), row(128, precision="fp16", flags="foreign_process")])
    (found,) = audit(flagged, claims_file(tmp_path))
    assert found.verdict == "cannot be told"
    assert found.flags == ("foreign_process",)
    assert not found.trustworthy
    blind = {"accuracy": None, "correct_bits": None}
    (found,) = audit(frame([row(128, energy=0.4, **blind), row(128, precision="fp16", **blind)]), claims_file(tmp_path))
    assert found.accuracy_change is None
    assert found.verdict == "cannot be told"
    assert found.trustworthy


@pytest.mark.parametrize("score", ["exact_match", "f1"])
def test_a_table_without_accuracy_is_held_to_the_score_it_has(tmp_path, score):
    em = {"accuracy": None, "correct_bits": None}
    rows = [row(128, energy=0.4, **{score: 0.80}, **em), row(128, precision="fp16", energy=0.1, **{score: 0.75}, **em)]
    (found,) = audit(frame(rows), claims_file(tmp_path))
    assert found.accuracy_change == pytest.approx(-0.05)
    assert found.accuracy_lost
