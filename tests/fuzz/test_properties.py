"""Properties of the readers, over values that Hypothesis makes up: read as they are, or refused in a sentence."""

import csv
import io
import json
import math
import re
import tempfile
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import analysis
from analysis.cli import printable
from analysis.findings.claims.claim import Claims, load_claims
from analysis.report.rendering import markdown_text
from analysis.rows.table_file import read_table
from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from tests.make.rows import row, write_trial
from trainables.rows.check import problem_of
from trainables.rows.columns import COLUMNS, WINDOW_TABLE
from trainables.rows.digests import Digests
from trainables.rows.finished import finished_trials
from tuner.run.folder import read_sweep

# What a row lacks is told by the run's other rows (analysis/rows/digests.py); without purposes, all were sweeps.
TOLD = {"purpose", *(field.name for field in fields(Digests))}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.seconds
@quick
@given(st.sampled_from([*COLUMNS.values()]), JSON)
@example(COLUMNS["weights_digest"], None)
@example(COLUMNS["purpose"], None)
@example(COLUMNS["model"], math.nan)
def test_a_row_with_one_odd_value_is_read_as_it_is_or_not_at_all(column: Any, value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        write_trial(run / "ray/measure-0", row(16))
        write_trial(run / "ray/measure-0", row(32) | {column.name: value, "error": "x"})
        rows = analysis.load(run)
        done = finished_trials(run)
    odd = rows[rows["error"] == "x"]
    if len(odd) == 0:
        assert len(done) == 1, "a row that is not read must be measured again"
        return
    (loaded,) = odd[column.name]
    if column.kind == "str":
        if column.name in ("trial_id", "error"):
            return
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            assert column.name in TOLD or pd.isna(loaded) or loaded == ""
        else:
            assert loaded == value
    elif value is None or (isinstance(value, float) and math.isnan(value)):
        assert pd.isna(loaded)
    else:
        assert float(loaded) == float(value)


@quick
@given(JSON)
def test_any_json_is_a_row_or_has_a_problem(value: Any) -> None:
    if isinstance(value, dict):
        assert isinstance(problem_of(value), str)
    problem = problem_of(row() | {WINDOW_TABLE: value, "anchor": value})
    assert problem or value in (None, [], {})


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.sampled_from(["1", "0.5", ""])


@quick
@given(st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=4))
def test_a_csv_keeps_its_shape_and_its_texts(lines: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        file.write_text(text.getvalue(), encoding="utf-8", newline="")
        try:
            frame = read_table(file)
        except UsageError:
            return
    head, *cells = [line for line in csv.reader(io.StringIO(text.getvalue(), newline="")) if line]
    assert len(frame.columns) == len(head) == len(set(head))
    assert len(frame) == len(cells)


@quick
@given(JSON | st.fixed_dictionaries({"claims": st.lists(JSON, max_size=3)}, optional={"rows": JSON}))
def test_any_json_is_claims_or_refused(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims.json"
        file.write_text(json.dumps(value))
        with suppress(UsageError):
            assert isinstance(load_claims(file), Claims)


@quick
@given(JSON | st.dictionaries(st.sampled_from(["task", "model", "axes", "seeds", "measuring"]), JSON))
def test_any_json_is_a_sweep_or_refused(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sweep.json").write_text(json.dumps(value))
        with suppress(UsageError):
            assert isinstance(read_sweep(Path(folder)), SweepConfig)


@given(st.text())
@example("\\|")
def test_markdown_text_is_one_line_without_markup(text: str) -> None:
    shown = markdown_text(text)
    assert not set("<>\n\r") & set(shown)
    assert not re.search(r"(?<!\\)(\\\\)*[|`*\[]", shown)


@given(st.text())
def test_what_is_printed_steers_no_terminal(text: str) -> None:
    assert all(c.isprintable() or c == "\n" for c in printable(text))
    assert len(printable(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "9" * 5_000,
        '{"trial_id": "x", "status": "ok", "energy_j_per_example": 1' + "0" * 4000 + "}",
        "\ufeff{}",
    ],
)
def test_json_that_breaks_a_parser_is_refused(tmp_path: Path, text: str) -> None:
    """Nested beyond Python's stack, integers beyond its limit, a mark before the first brace."""
    run = tmp_path / "run"
    write_trial(run / "ray/measure-0", row(16))
    for number, name in enumerate(("result.json", "row.json", "params.json")):
        folder = write_trial(run / "ray/measure-0", None, name=f"bad{number}")
        (folder / name).write_text(text)
    (run / "ray/measure-0/experiment_state-2026-01-01_00-00-00.json").write_text(text)
    tuning = run / "ray/finetune-0/t"
    tuning.mkdir(parents=True)
    (tuning / "result.json").write_text(text)
    (run / "environment.json").write_text(text)
    assert len(analysis.load(run)) == 1
    assert len(finished_trials(run)) == 1
    assert "energy_j_per_example" not in analysis.load_finetune(run)
    for refused in (lambda: load_claims(run / "environment.json"), lambda: read_sweep_of(run, text)):
        with pytest.raises(UsageError):
            refused()


def read_sweep_of(run: Path, text: str) -> SweepConfig:
    (run / "sweep.json").write_text(text)
    return read_sweep(run)
