"""Ruff's security rules are on, every exception says why, and nothing runs what it reads."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("analysis", "benchmarks", "deploy", "examples", "search_spaces", "tests", "trainables", "tuner")
FILES = [file for folder in OURS for file in sorted((ROOT / folder).rglob("*.py"))]
UNPICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


def test_the_security_rules_are_on() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S")]
    assert not [rule for folder in ("analysis", "tuner", "trainables", "search_spaces") for rule in
                lint["per-file-ignores"].get(f"{folder}/**", [])]  # fmt: skip


def test_every_exception_says_why() -> None:
    for file in FILES:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = re.search(r"# noqa: ?[A-Z0-9, ]*\bS\d{3}\b(.*)$", line)
            assert found is None or re.fullmatch(r" \([^)]{5,}\)", found[1]), f"{file}:{number}: {line.strip()}"


def test_nothing_of_the_project_unpickles() -> None:
    """Pickles are written where Ray asks for one, and read nowhere (but by ExperimentAnalysis, for one's own runs)."""
    for file in FILES:
        if "tests" in file.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("load", "loads", "Unpickler"):
                owner = node.value
                assert not (isinstance(owner, ast.Name) and owner.id in UNPICKLERS), f"{file}:{node.lineno}"
            if isinstance(node, ast.Attribute) and node.attr == "read_pickle":
                raise AssertionError(f"{file}:{node.lineno}")
            if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "trust_remote_code", "weights_only"):
                safe = {"allow_pickle": False, "trust_remote_code": False, "weights_only": True}[node.arg]
                assert isinstance(node.value, ast.Constant), f"{file}:{node.value.lineno}"
                assert node.value.value is safe, f"{file}:{node.value.lineno}"


def test_models_are_loaded_with_the_safe_options_alone() -> None:
    """Every `from_pretrained` of ours forbids a model's own code; what loads weights takes safetensors."""
    for file in FILES:
        if "tests" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if not called or node.func.attr != "from_pretrained":
                continue
            given = {keyword.arg for keyword in node.keywords}
            spread = [k.value.id for k in node.keywords if k.arg is None and isinstance(k.value, ast.Name)]
            assert "trust_remote_code" in given or "SAFE" in spread, f"{file}:{node.lineno}"


def test_yaml_is_read_by_the_safe_loader() -> None:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"yaml\.(load|load_all|unsafe_load|full_load)\(", text), file
