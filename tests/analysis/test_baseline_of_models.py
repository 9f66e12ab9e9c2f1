"""Whose baseline a sweep over several models is compared with: the first's, the one that is named, or what is left."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.assessment import assessments
from analysis.findings.baseline import find_baseline, lost_baseline
from analysis.findings.configurations import configurations
from analysis.report import command as report_command
from analysis.report.exclusions import left_out
from search_spaces.errors import UsageError
from tests.make.two_models import BIG, SMALL, records, rows


def assessed(table: pd.DataFrame, **settings):
    return assessments(table, rng=np.random.default_rng(0), bootstrap=False, **settings)


def test_the_baseline_is_the_first_models_unless_another_is_named():
    table = configurations(rows())
    base = table.loc[find_baseline(table)]
    assert (base["model"], base["precision"], base["max_seq_len"], base["depth"]) == (BIG, "fp32", 128, 12)
    assert table.loc[find_baseline(table, {"model": SMALL}), "depth"] == 6
    assert table.loc[find_baseline(table, {"model": "big"}), "model"] == BIG, "by its short name"
    turned = rows()
    turned["model_place"] = 1 - turned["model_place"]
    again = configurations(turned)
    assert again.loc[find_baseline(again), "model"] == SMALL


def test_another_models_baseline_is_taken_where_it_is_named():
    (one,) = assessed(rows(), baseline={"model": SMALL})
    assert (one.baseline["model"], one.baseline["depth"], one.lost) == (SMALL, 6, "")
    found = one.recommendation.value
    assert (found.choice["model"], found.saving.value) == (SMALL, pytest.approx(4.0))
    assert found.table.set_index(["model", "precision", "max_seq_len", "depth"]).loc[
        (BIG, "fp32", 128, 12), "energy_ratio"
    ] == pytest.approx(1 / 8)
    lost = rows()
    lost.loc[lost["model"] == SMALL, ["status", "error"]] = "oom", "out of memory"
    (one,) = assessed(lost, baseline={"model": SMALL})
    assert one.baseline["model"] == BIG
    assert one.lost.startswith("The baseline (small, fp32, 128 tokens, 6 layers) has no valid measurement (oom: ")
    alone = rows().assign(model_place=pd.array([pd.NA] * 16, dtype="Int64"))  # of two runs, each a comparison
    both = assessed(alone, baseline={"model": SMALL})
    assert {one.baseline["model"] for one in both} == {BIG, SMALL}
    assert {one.lost for one in both} == {""}


def test_a_report_takes_the_baseline_of_the_model_that_it_is_asked_for(tmp_path, capsys):
    pd.DataFrame(records()).to_csv(tmp_path / "results.csv", index=False)
    asked = [str(tmp_path / "results.csv"), "--output", str(tmp_path / "report"), "--baseline-model"]
    assert report_command.main([*asked, "tiny"]) == 2
    said = capsys.readouterr().err
    assert "must be one that was measured (org/big, small), but got 'tiny'" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "report").exists()
    assert report_command.main([*asked, "big"]) == 0, "by its short name"
    assert "uses 32x less energy than big, fp32" in " ".join(capsys.readouterr().out.split())
    assert report_command.main([*asked, SMALL]) == 0
    assert "uses 4x less energy than small, fp32, 128 tokens, 6 layers" in " ".join(capsys.readouterr().out.split())


def test_a_report_says_that_all_of_the_first_model_failed():
    table = rows()
    table.loc[table["model"] == BIG, ["status", "error"]] = "oom", "out of memory"
    (one,) = assessed(table)
    assert left_out(one, table).startswith("Left out: 8 of 16 trials.")
    assert one.lost == (
        "The baseline (big, fp32, 128 tokens, 12 layers) has no valid measurement (oom: out of memory); try "
        "--retry-failed. Savings are against fp32, 128 tokens, 6 layers."
    )
    (whole,) = assessed(rows())
    assert (left_out(whole, rows()), whole.lost) == ("", "")


def test_a_lost_baseline_is_the_first_models():
    table = rows()
    base = (table["model"] == BIG) & (table["depth"] == 12) & (table["precision"] == "fp32")
    table.loc[base & (table["max_seq_len"] == 128), ["status", "error"]] = "oom", "out of memory"
    assert lost_baseline(table).startswith("the baseline (big, fp32, 128 tokens, 12 layers) has no valid measurement")


def test_an_unknown_baseline_is_named_with_what_was_measured():
    with pytest.raises(UsageError, match="no clean row has model = 'tiny'; measured: org/big, small"):
        find_baseline(configurations(rows()), {"model": "tiny"})
