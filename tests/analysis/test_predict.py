"""`python -m analysis.predict`: its answer, and one line for what it cannot answer."""

import json

import pytest

from analysis.predict import main
from tests.make.rows import frame, linear_rows, row

A, B = 0.005, 2e-5


def test_the_command_line(tmp_path, capsys):
    file = tmp_path / "rows.csv"
    frame(linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0})).drop(columns="run").to_csv(file, index=False)
    assert main([str(file), "--max-seq-len", "56", "--depth", "9", "--precision", "fp16", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["energy_j_per_example"] == pytest.approx((A + B * 9 * 56) / 4)
    assert main([str(file), "--max-seq-len", "300", "--precision", "fp16"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["analysis/data/l4_published.csv", "--max-seq-len", "56", "--precision", "fp16"]) == 2
    assert "--task {qqp,sst2}" in capsys.readouterr().err
    assert main(["absent", "--max-seq-len", "56", "--precision", "fp16"]) == 2


def test_a_table_of_short_windows_is_used_on_request_and_every_answer_says_so(tmp_path, capsys):
    file = tmp_path / "rows.csv"
    rows = frame(linear_rows(A, B, factors={"fp32": 1.0})).drop(columns=["run", "flags"])
    rows.loc[rows["max_seq_len"] < 64, "window_s"] = 0.3
    rows.to_csv(file, index=False)
    asked = [str(file), "--max-seq-len", "30", "--precision", "fp32"]
    assert main(asked) == 2
    assert "beyond the measured lengths 64 to 128 tokens" in capsys.readouterr().err
    assert main([*asked, "--keep-short-windows", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["energy_j_per_example"] == pytest.approx(A + B * 12 * 30)
    (said,) = answer["warnings"]
    assert said.startswith("30 trials have windows shorter than 1 s, kept on request")


def test_ordinary_least_squares_give_the_largest_energies_their_way(tmp_path, capsys):
    """Of 1, 2 and 8 mJ at 10, 20 and 40 tokens the ordinary line has the slope 170 / 700 mJ per token by hand."""
    file = tmp_path / "rows.csv"
    rows = frame([row(t, energy=e) for t, e in ((10, 0.001), (20, 0.002), (40, 0.008))]).drop(columns="run")
    rows.to_csv(file, index=False)
    asked = [str(file), "--max-seq-len", "20", "--precision", "fp32"]
    assert main([*asked, "--least-squares", "ordinary"]) == 0
    said = capsys.readouterr().out
    value = 0.011 / 3 + (20 - 70 / 3) * 170e-3 / 700
    assert f"energy {value:.3g} J/example" in said
    assert "from E = a + b * tokens, at depth 12, by ordinary least squares." in said
    assert main(asked) == 0
    assert f"energy {value:.3g} J/example" not in capsys.readouterr().out
