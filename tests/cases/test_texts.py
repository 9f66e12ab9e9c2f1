"""Cases 10 and 17: a TSV file that pandas saved, and half of a surrogate pair."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cases.conftest import ROOT, SHARED, run_script


def test_10_a_file_that_pandas_saved(cases: Path) -> None:
    printed = run_script(cases / "10-tsv-saved-by-pandas" / "case.py", str(ROOT))
    assert printed == "('He said \"fine\" and left', 'plain')\n"


def test_17_half_of_a_surrogate_pair(cases: Path, refused: Callable[..., str]) -> None:
    model = SHARED / "models" / "minilm-l6"
    if not model.is_dir():
        pytest.skip(f"no model at {model}")
    line = refused("--preset", "squad", "--model", model, "--data-dir", cases / "17-lone-surrogate")
    assert "question 1: the context holds half of a surrogate pair" in line
