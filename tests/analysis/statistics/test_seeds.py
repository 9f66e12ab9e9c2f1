"""Several seeds: averaged, their spread kept apart from that of replicates, and drawn behind their mean."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.points import seed_points
from analysis.findings.assessment import Assessment, assessments
from analysis.findings.configurations import configurations
from analysis.report.build import build_report
from analysis.report.seed_table import BETWEEN, MEAN, WITHIN, seed_table
from analysis.rows.load import load
from analysis.statistics.seeds import per_seed, seed_mean, seed_spread
from analysis.words.quantities import energy_quantity, score_quantity
from tests.make import runs as fabricated
from tests.make.rows import frame, row
from tests.make.sketches import sketched

KEYS = ["max_seq_len", "precision"]
# Seed 1 twice (0.89 and 0.91: mean 0.90), seed 2 once (0.94); at fp16 both lose 0.002 and three quarters of the energy.
MEASURED = ((1, 0, 0.89, 0.100), (1, 1, 0.91, 0.104), (2, 0, 0.94, 0.108))


def two_seeds() -> pd.DataFrame:
    return frame(
        [
            row(
                precision=precision,
                seed=seed,
                replicate=replicate,
                accuracy=accuracy - loss,
                correct_bits=None,
                energy=energy / factor,
            )
            for precision, loss, factor in (("fp32", 0.0, 1.0), ("fp16", 0.002, 4.0))
            for seed, replicate, accuracy, energy in MEASURED
        ]
    )


def only(rows: pd.DataFrame, tolerance: float = 0.05) -> Assessment:
    (assessment,) = assessments(rows, tolerance=tolerance, rng=np.random.default_rng(0), bootstrap=False)
    return assessment


def test_each_seed_counts_once_however_often_it_was_measured() -> None:
    """(0.90 + 0.94) / 2, not (0.89 + 0.91 + 0.94) / 3."""
    table = configurations(two_seeds()).set_index("precision")
    assert table.loc["fp32", "accuracy"] == pytest.approx(0.92)
    assert table.loc["fp32", "energy_j_per_example"] == pytest.approx((0.102 + 0.108) / 2)
    assert table.loc["fp32", "n_trials"] == 3
    assert table.loc["fp32", "n_seeds"] == 2


def test_rows_that_nothing_repeats_are_their_own_means() -> None:
    """As each row given twice, which goes the way of repeated ones."""
    rows = frame([row(128, energy=0.4), row(64, energy=0.2, seed=7)])
    once, twice = (seed_mean(r, KEYS, ["energy_j_per_example", "examples"]) for r in (rows, pd.concat([rows, rows])))
    pd.testing.assert_frame_equal(once, twice)
    assert list(once["energy_j_per_example"]) == [0.4, 0.2]


def test_spread_between_seeds_and_within_one() -> None:
    """Energy: seed means 0.102 and 0.108, so 0.006 / sqrt(2) between; 0.100 and 0.104, so 0.004 / sqrt(2) within."""
    spread = seed_spread(two_seeds(), KEYS, "energy_j_per_example").loc[(128, "fp32")]
    assert spread["between"] == pytest.approx(0.006 / 2**0.5)
    assert spread["within"] == pytest.approx(0.004 / 2**0.5)
    table = configurations(two_seeds()).set_index("precision")
    assert table.loc["fp16", "energy_between_seed_relative_sd"] == pytest.approx(0.006 / 2**0.5 / 0.105)
    assert table.loc["fp16", "energy_within_seed_relative_sd"] == pytest.approx(0.004 / 2**0.5 / 0.105)


def test_nothing_repeated_is_null_and_not_zero() -> None:
    spread = seed_spread(frame([row(seed=1), row(seed=2)]), KEYS, "accuracy").iloc[0]
    assert spread["between"] == 0
    assert pd.isna(spread["within"])
    assert pd.isna(seed_spread(frame([row()]), KEYS, "accuracy").iloc[0]["between"])


def test_the_points_of_seeds_are_their_means() -> None:
    rows = two_seeds()
    table = configurations(rows)
    found = seed_points(rows, table, energy_quantity(table), score_quantity(table))
    assert found is not None
    at = found.round(6).sort_values(["series", "y"]).values.tolist()
    assert at == [[25.5, 89.8, "fp16"], [27, 93.8, "fp16"], [102, 90, "fp32"], [108, 94, "fp32"]]
    one = rows[rows["seed"] == 1]
    table = configurations(one)
    assert seed_points(one, table, energy_quantity(table), score_quantity(table)) is None


def test_the_table_shows_every_seed_and_both_spreads() -> None:
    assessment = only(two_seeds())
    table = seed_table(assessment)
    assert table is not None
    heads = [f"{h.text} {h.unit}".strip() for h in table.heads]
    assert heads[:4] == ["Seed", "Accuracy, baseline %", "Accuracy, choice %", "Change points"]
    lines = {r.cells[0].text: [c.text for c in r.cells[1:]] for r in table.rows}
    assert list(lines) == ["1", "2", MEAN, BETWEEN, WITHIN]
    assert lines["1"] == ["90.00", "89.80", "−0.20", "102", "25.5", "4.00"]
    assert lines[MEAN][:3] == ["92.00", "91.80", "−0.20"]
    assert lines[BETWEEN] == ["2.83", "2.83", "", "4.24", "1.06", ""]
    assert lines[WITHIN] == ["1.41", "1.41", "", "2.83", "0.707", ""]


def test_a_seed_that_lacks_a_configuration_is_a_dash() -> None:
    rows = two_seeds()
    assessment = only(rows[(rows["precision"] == "fp32") | (rows["seed"] == 1)])
    table = seed_table(assessment)
    assert table is not None
    assert [c.text for c in table.rows[1].cells] == ["2", "94.00", "–", "–", "108", "–", "–"]


@pytest.mark.seconds
def test_the_report_of_several_seeds_has_the_part_and_of_one_has_not(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(64, 128), depths=(12,), seeds=(42, 43, 44))
    folder = fabricated.write_csv_run(tmp_path / "run", rows)
    report = build_report([folder], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert report.problems == []
    assert "<h2>Seeds</h2>" in html
    assert "Faint: the single seeds, behind their mean." in html
    assert "### Seeds" in report.markdown.read_text(encoding="utf-8")
    assert sorted(per_seed(load(folder), KEYS, ["accuracy"])["seed"].unique()) == [42, 43, 44]
    folder = fabricated.write_csv_run(tmp_path / "one", rows[rows["seed"] == 42])
    with sketched():
        html = build_report([folder], bootstrap=False).html.read_text(encoding="utf-8")
    assert "<h2>Seeds</h2>" not in html
    assert "Faint" not in html
