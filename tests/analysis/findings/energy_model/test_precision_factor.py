"""One factor between precisions: planted ones are found, varying ones are refused, and the regime is respected."""

import pytest

import analysis
from analysis.findings.energy_model.model import fit_energy
from tests.make.rows import frame, linear_rows, row

A, B = 0.005, 2e-5


def test_one_factor_per_precision_holds_where_it_is_planted():
    rows = frame(linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0}, noise=0.005, replicates=3))
    (factor,) = fit_energy(rows).precision_factors
    assert factor.verdict == "holds"
    assert factor.factor == pytest.approx(4.0, rel=0.01)
    assert factor.deviation_percent < factor.deviation_high_percent < 10
    assert factor.interval_kind == "replicates"
    assert len(factor.pairs) == 48


def test_a_factor_that_varies_does_not_hold_and_the_place_is_named():
    rows = linear_rows(A, B, depths=(12,), noise=0.002, replicates=3)
    for r in linear_rows(A, B, depths=(12,), noise=0.002, replicates=3, factors={"fp16": 4.0}):
        if r["max_seq_len"] == 16:
            r["energy_j_per_example"] *= 1.6
        rows.append(r)
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert factor.verdict == "does not hold"
    assert [p.max_seq_len for p in factor.broken] == [16]


def test_the_published_qqp_factor_holds_to_40_tokens_and_breaks_below_32():
    """3.7 to 3.9 from 32 to 128 tokens, 2.9 at 24, 2.5 at 16."""
    published = analysis.load("analysis/data/l4_published.csv")
    qqp = published[(published["task"] == "qqp") & (published["sweep"] == "precision_x_seq_len")]
    model = fit_energy(qqp)
    (factor,) = model.precision_factors
    assert factor.verdict == "holds"
    assert 3.7 < factor.factor < 3.9
    ratios = {p.max_seq_len: p.ratio for p in factor.pairs}
    assert all(3.65 < ratios[n] < 3.95 for n in (32, 40, 48, 64, 96, 128))
    assert ratios[24] == pytest.approx(2.9, abs=0.05)
    assert ratios[16] == pytest.approx(2.5, abs=0.05)
    assert [p.max_seq_len for p in factor.broken] == [24, 16]
    assert any("only depth 12 was measured" in s for s in model.not_made)


def test_the_stable_regime_is_where_accuracy_holds():
    rows = []
    for r in linear_rows(A, B, depths=(12,), factors={"fp32": 1.0, "fp16": 4.0}):
        bad = r["max_seq_len"] < 40
        rows.append(
            row(r["max_seq_len"], 12, r["precision"], energy=r["energy_j_per_example"], right=600 if bad else 800)
        )
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert [p.max_seq_len for p in factor.stable] == [128, 96, 64, 48, 40]


def test_random_weights_have_no_regime_and_say_so():
    rows = linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0})
    for r in rows:
        r["accuracy"] = r["correct_bits"] = None
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert factor.tolerance is None
    assert factor.stable == factor.pairs
    assert factor.factor == pytest.approx(4.0)
