"""Every check and experiment answers --help at once, by one way of parsing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "ray", "transformers", "pandas", "matplotlib")
CODE = f"""
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
sys.exit(", ".join(m for m in {HEAVY} if m in sys.modules) or None)
"""


def commands() -> list[str]:
    """What `python -m` takes: files that end in a main, and packages with a `__main__`, but for what draws figures."""
    found = []
    for kind in ("checks", "experiments"):
        for path in sorted((ROOT / "benchmarks" / kind).iterdir()):
            if path.suffix == ".py" and "__main__" in path.read_text():
                found.append(f"benchmarks.{kind}.{path.stem}")
            elif (path / "__main__.py").is_file():
                found.append(f"benchmarks.{kind}.{path.name}")
    return found


def test_a_package_runs_what_its_command_module_defines():
    for kind in ("checks", "experiments"):
        for main in (ROOT / "benchmarks" / kind).glob("*/__main__.py"):
            assert main.read_text().startswith(f"from benchmarks.{kind}.{main.parent.name}.")


def test_no_command_imports_what_help_would_wait_for():
    modules = ["benchmarks.__main__"]
    for name in commands():
        main = ROOT / Path(*name.split(".")) / "__main__.py"
        modules.append(main.read_text().split()[1] if main.is_file() else name)
    assert len(modules) == 13
    done = subprocess.run([sys.executable, "-c", CODE, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_says_what_is_asked_with_its_default():
    environment = os.environ | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "benchmarks.checks.frontier", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    assert "usage: python -m benchmarks.checks.frontier [-h] [OPTIONS]" in done.stdout
    assert "--verify-points INT" in done.stdout
    assert "How many are verified or profiled. (default: 3)" in done.stdout
