"""What the repository keeps stays small: raw rows and shown figures, nothing that can be redrawn."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import redraw

ROOT = Path(__file__).resolve().parent.parent
KB = 1000
LARGEST_FILE_KB, LARGEST_RUN_KB, ALL_RESULTS_KB = 500, 300, 2500


def tracked(under: str = ".") -> list[Path]:
    """Files that git keeps, as they are on disk."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z", under], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def kb(files: list[Path]) -> float:
    return sum(file.stat().st_size for file in files) / KB


def test_no_file_is_large():
    assert [file for file in tracked() if kb([file]) > LARGEST_FILE_KB] == []


def test_results_stay_within_their_limits():
    files = tracked("docs/results")
    assert kb(files) <= ALL_RESULTS_KB
    for folder in {redraw.RESULTS / file.relative_to(redraw.RESULTS).parts[0] for file in files}:
        assert kb([f for f in files if folder in (f, *f.parents)]) <= LARGEST_RUN_KB, folder


def test_what_can_be_redrawn_is_not_kept():
    files = tracked("docs/results")
    derived = ("pareto.csv", "energy_model.json", "results.parquet", "report.html", "report.md", "across.md")
    assert [file for file in files if file.name in derived] == []
    assert sorted(file for file in files if file.suffix in (".png", ".svg")) == redraw.shown()


def test_every_run_and_every_comparison_is_redrawn():
    commands = redraw.commands()
    runs = {folder for folder, (module, *_) in commands.items() if module == "analysis.report"}
    assert runs == {file.parent for file in tracked("docs/results") if file.name == "results.csv"}
    (compared,) = (arguments for module, *arguments in commands.values() if module == "analysis.across")
    assert {Path(path) for path in compared} <= runs
