"""The sources of energy: each is known in one place."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from trainables.energy.sources import SOURCES, EnergySource, estimates
from trainables.rows.flags import FLAGS

ROOT = Path(__file__).resolve().parents[3]


def test_counters_and_estimates() -> None:
    assert [s.name for s in SOURCES.values() if s.counter] == ["nvml_counter", "rapl"]
    assert [s.name for s in SOURCES.values() if s.checked_by_power] == ["nvml_counter"]
    assert estimates() == ["estimate"]


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_its_meter_is_there_and_its_flags_are_known(source: EnergySource) -> None:
    assert callable(import_module(source.meter).open_meter)
    assert set(source.throttle) <= set(FLAGS)


def test_no_other_file_names_one() -> None:
    """As a string of its own, but for the meter that says what it is. "estimate" is a plain word, too."""
    homes = {"trainables/energy/sources.py", *(f"{s.meter.replace('.', '/')}.py" for s in SOURCES.values())}
    for folder in ("search_spaces", "trainables", "tuner", "analysis"):
        for file in (ROOT / folder).rglob("*.py"):
            found = {n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant)}
            assert str(file.relative_to(ROOT)) in homes or not found & set(SOURCES) - {"estimate"}, file


def test_they_are_known_without_numpy_or_torch() -> None:
    code = "import sys, trainables.energy.sources; sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
