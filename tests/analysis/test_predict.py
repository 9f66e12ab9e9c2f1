"""`python -m analysis.predict`: its answer, and one line for what it cannot answer."""

import json

import pytest

from analysis.predict import main
from tests.make.rows import frame, linear_rows

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
