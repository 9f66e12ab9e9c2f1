"""The architecture: imports go one way, and nothing heavy is imported before it is needed."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("search_spaces", "trainables", "tuner", "analysis")
# package -> what it may import of the others
ALLOWED = {
    "search_spaces": (),
    "trainables": ("search_spaces",),
    "tuner": ("search_spaces", "trainables", "analysis"),
    "analysis": (
        "search_spaces",
        "trainables.rows",
        "trainables.energy.sources",
        "trainables.energy.trace",
        "trainables.energy.windows",
        "trainables.model.architectures",
    ),
}


# Of `analysis`, each imports itself and those before it: numbers know no words, words no pages.
ROOMS = ("statistics", "rows", "findings", "words", "figures", "report", "across")


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package):
    for file in sorted((ROOT / package).rglob("*.py")):
        for name in imports(file):
            if name.split(".")[0] not in PACKAGES or name.split(".")[0] == package:
                continue
            parents = {".".join(name.split(".")[:k]) for k in range(1, name.count(".") + 2)}
            allowed = ALLOWED[package]
            assert parents & set(allowed) or any(a.startswith(name + ".") for a in allowed), f"{file}: {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_analysis_go_one_way(room):
    later = tuple(f"analysis.{name}" for name in ROOMS[ROOMS.index(room) + 1 :])
    for file in sorted((ROOT / "analysis" / room).rglob("*.py")):
        for name in imports(file):
            assert not name.startswith(later or "none"), f"{file}: {name}"


def test_search_spaces_need_the_standard_library_alone():
    for file in (ROOT / "search_spaces").rglob("*.py"):
        for name in imports(file):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or top == "search_spaces", f"{file}: {name}"


def test_analysis_never_imports_torch():
    code = "import sys; from analysis import report, audit, predict, across; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    "module", ["tuner.grid", "tuner.doctor", "analysis.report", "analysis.audit", "analysis.predict", "analysis.across"]
)
def test_help_answers_in_under_a_second(module):
    best = min(_help_seconds(module) for _ in range(3))
    assert best < 1, f"{module} --help took {best:.2f} s"


def _help_seconds(module: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
    return time.perf_counter() - start
