"""`python -m analysis.audit`, and that commands and names of `analysis` import what they need alone."""

import json
import subprocess
import sys
import time

import pandas as pd
import pytest

from analysis.audit import main

PUBLISHED = "analysis/data/l4_published.csv"


def test_a_perturbed_copy_changes_the_numbers(tmp_path, capsys):
    """16 times less energy at fp16 and 48 tokens on QQP: the claim of 28x then holds."""
    rows = pd.read_csv(PUBLISHED)
    changed = (rows.task == "qqp") & (rows.precision == "fp16") & (rows.max_seq_len == 48)
    rows.loc[changed, "energy_j_per_example"] /= 2.6
    file = tmp_path / "perturbed.csv"
    rows.to_csv(file, index=False)
    assert main(["--rows", str(file), "--json"]) == 0
    found = {(f["task"], f["claim"]): f for f in json.loads(capsys.readouterr().out)}
    one = found[("qqp", "fp32 at 128 -> fp16 at 48 tokens")]
    assert one["measured_ratio"] == pytest.approx(11.0032 * 2.6, rel=1e-4)
    assert one["verdict"] == "holds"
    assert list(one)[:7] == [
        "claim",
        "task",
        "claimed_ratio",
        "measured_ratio",
        "accuracy_change",
        "verdict",
        "reasons",
    ]


def test_the_command_line(tmp_path, capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert "28.5x" in text
    assert "does not hold" in text
    for bad in (["--rows", "absent.csv"], ["--claims", "absent.json"], ["--rows", PUBLISHED, "--columns", "x"]):
        assert main(bad) == 2
        assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "broken.json").write_text("{")
    assert main(["--claims", str(tmp_path / "broken.json")]) == 2


def test_the_copy_of_the_published_rows_is_the_reference():
    from pathlib import Path

    reference = Path(__file__).resolve().parents[3] / "shared" / "reference" / "l4_published.csv"
    if not reference.exists():
        pytest.skip("the reference lies outside the repository")
    assert reference.read_bytes() == Path(PUBLISHED).read_bytes()


@pytest.mark.parametrize("module", ["audit", "predict"])
def test_help_is_quick_and_imports_nothing_heavy(module):
    code = (
        f"import sys; sys.argv = ['x', '--help']\n"
        f"import analysis.{module}\n"
        f"names = ('pandas', 'torch', 'ray', 'statsmodels', 'scipy', 'numpy')\n"
        f"heavy = [m for m in names if m in sys.modules]\n"
        f"print(heavy)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.perf_counter() - start < 5


def test_analysis_names_are_functions_whatever_was_imported():
    import analysis
    import analysis.findings.recommend
    import analysis.rows.load

    for name in ("load", "recommend", "pareto_set", "fit_energy"):
        assert callable(getattr(analysis, name)), name
    assert set(analysis.__all__) == set(analysis._HOME)
    with pytest.raises(AttributeError, match="no attribute 'torch'"):
        _ = analysis.torch
