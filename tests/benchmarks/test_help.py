"""Every check and experiment is built alike, and answers --help before it imports anything heavy."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.lib.card import CardBenchmark
from benchmarks.lib.command import Command

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    path.parent for kind in ("checks", "experiments") for path in (ROOT / "benchmarks" / kind).rglob("__main__.py")
)
HEAVY = ("torch", "ray", "transformers", "pandas", "matplotlib", "scipy")
CODE = f"""
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
sys.exit(", ".join(m for m in {HEAVY} if m in sys.modules) or None)
"""


def name_of(package: Path) -> str:
    return ".".join(package.relative_to(ROOT).parts)


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_package_is_its_arguments_and_what_run_does_with_them(package):
    name = name_of(package)
    found = vars(importlib.import_module(name))
    (command,) = (value for value in found.values() if isinstance(value, CardBenchmark | Command))
    assert command.module == name
    assert command.about == found["__doc__"]
    assert f"python -m {name} " in command.about or f"python -m {name}\n" in command.about
    assert "def run(" in (package / "run.py").read_text()
    (constant,) = (key for key, value in found.items() if value is command)
    assert f"run_command({constant}.main)" in (package / "__main__.py").read_text()


def test_no_command_imports_what_help_would_wait_for():
    modules = ["benchmarks.__main__", "benchmarks.draw", "benchmarks.redraw", *map(name_of, PACKAGES)]
    assert len(modules) == 28
    done = subprocess.run([sys.executable, "-c", CODE, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_says_what_is_asked_with_its_default():
    environment = os.environ | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "benchmarks.checks.frontier", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    assert "usage: python -m benchmarks.checks.frontier [-h] [OPTIONS]" in done.stdout
    assert "--verify-points INT" in done.stdout
    assert "How many are verified or profiled. (default: 3)" in done.stdout
