"""The architecture: imports go one way and in no circle, and nothing heavy is imported before it is needed."""

import ast
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = tuple(
    name
    for name in ("search_spaces", "trainables", "serving", "tuner", "analysis", "benchmarks")
    if (ROOT / name).is_dir()
)
# package -> what it may import of the others
ALLOWED = {
    "search_spaces": (),
    "trainables": ("search_spaces",),
    "serving": ("search_spaces", "trainables"),
    "tuner": ("search_spaces", "trainables", "serving", "analysis"),
    "analysis": (
        "search_spaces",
        "trainables.rows",
        "trainables.energy.sources",
        "trainables.energy.trace",
        "trainables.energy.windows",
        "trainables.model.architectures",
    ),
    "benchmarks": ("search_spaces", "trainables", "serving", "tuner", "analysis"),
}
# Whoever asks for help, or mistypes an option, waits for none of these.
HEAVY = ("torch", "transformers", "ray", "pandas", "matplotlib", "scipy")
# module -> why it imports project modules or libraries within functions; everyone else does at the top
LAZY = {
    "analysis.across.command": "--help needs no pandas",
    "analysis.audit": "--help needs no pandas",
    "analysis.predict": "--help needs no pandas",
    "benchmarks.checks.fused.run": "Triton is there where there is CUDA",
    "analysis.report.command": "--help needs no pandas",
    "analysis.rows.ray_folder": "a table of rows is read without Ray",
    "serving.export": "--help waits for neither torch nor Transformers",
    "serving.predict": "--help and mistakes wait for neither torch nor Transformers",
    "trainables.energy.meters.nvml": "the doctor's --help needs neither numpy nor Arrow",
    "trainables.model.attention.packed": "Triton is there where there is CUDA",
    "trainables.model.attention.sequences": "Triton is there where there is CUDA",
    "trainables.model.fused.operations": "Triton is there where there is CUDA",
    "trainables.tasks.hub": "local files need no datasets",
    "tuner.grid": "--help waits for none of them; --dry-run and mistakes for Transformers and torch, but not for Ray",
    "tuner.doctor": "--help needs no numpy",
    "tuner.search.command": "--help waits for neither Ray nor torch",
}


# Of `analysis`, each imports itself and those before it: numbers know no words, words no pages.
ROOMS = ("statistics", "rows", "findings", "words", "figures", "report", "across")


# ---- which module imports which, from the syntax trees ----


@cache
def trees() -> dict[str, ast.Module]:
    """Module -> its syntax tree, of every package."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {_module(file): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def _module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _statements(tree: ast.Module, within_functions: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements of functions, or all others: also those for type checkers alone, which can be circles."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Import | ast.ImportFrom) and inside == within_functions:
            yield node
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _names(statements: Iterable[ast.Import | ast.ImportFrom]) -> set[str]:
    """What is imported: "a.b" by `import a.b`; "a.b.c" by `from a.b import c`, a module or a name of one."""
    found = set()
    for node in statements:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported(module: str, *, everywhere: bool = True) -> set[str]:
    """Full names that a module imports: at its top, or `everywhere`."""
    found = _names(_statements(trees()[module], within_functions=False))
    return found | _names(_statements(trees()[module], within_functions=True)) if everywhere else found


def graph(*, everywhere: bool) -> dict[str, set[str]]:
    """Module -> modules of this project that it imports."""
    known = trees()
    arrows = {}
    for module in known:
        names = imported(module, everywhere=everywhere)
        targets = {name if name in known else name.rpartition(".")[0] for name in names}
        arrows[module] = (targets & set(known)) - {module}
    return arrows


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for target in arrows[node]:
            if target not in order:
                visit(target)
            if target in stack:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[-len(component) :]
            found.append(sorted(component))

    for node in arrows:
        if node not in order:
            visit(node)
    return [component for component in found if len(component) > 1]


def test_circles_worked_by_hand():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"f"}, "f": {"e", "a"}}) == [
        ["a", "b", "c"],
        ["e", "f"],
    ]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_are_found_wherever_they_stand():
    source = "import a.b\nfrom c import d\nif True:\n    from e import f\ndef g():\n    def h():\n        import i\n"
    tree = ast.parse(source)
    assert _names(_statements(tree, within_functions=False)) == {"a.b", "c.d", "e.f"}
    assert _names(_statements(tree, within_functions=True)) == {"i"}


# ---- the rules ----


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package):
    for module in trees():
        if module.split(".")[0] != package:
            continue
        for name in imported(module):
            if name.split(".")[0] not in PACKAGES or name.split(".")[0] == package:
                continue
            parents = {".".join(name.split(".")[:k]) for k in range(1, name.count(".") + 2)}
            assert parents & set(ALLOWED[package]), f"{module} imports {name}"


@pytest.mark.parametrize("everywhere", [False, True], ids=["at the top", "within functions, too"])
def test_no_imports_go_in_a_circle(everywhere):
    found = circles(graph(everywhere=everywhere))
    assert not found, "\n".join(" <-> ".join(circle) for circle in found)


def lazy_imports() -> dict[str, list[str]]:
    """Module -> what it imports within functions, but for the standard library."""
    found = {}
    for module, tree in trees().items():
        names = _names(_statements(tree, within_functions=True))
        if names := sorted(name for name in names if name.split(".")[0] not in sys.stdlib_module_names):
            found[module] = names
    return found


def test_imports_within_functions_have_a_reason():
    found = lazy_imports()
    print(f"{sum(map(len, found.values()))} imports within functions, in {len(found)} modules")
    strangers = [f"{module}: {', '.join(found[module])}" for module in found.keys() - LAZY.keys()]
    assert not strangers, "\n".join(sorted(strangers))
    assert LAZY.keys() <= found.keys(), "these have none any more: take them off the list"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_analysis_go_one_way(room):
    later = tuple(f"analysis.{name}" for name in ROOMS[ROOMS.index(room) + 1 :])
    for module in trees():
        if module.startswith(f"analysis.{room}"):
            assert not [name for name in imported(module) if name.startswith(later or "none")], module


def test_search_spaces_need_the_standard_library_alone():
    for module in trees():
        if module.startswith("search_spaces"):
            for name in imported(module):
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or top == "search_spaces", f"{module}: {name}"


def test_analysis_never_imports_torch():
    code = "import sys; from analysis import report, audit, predict, across; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# ---- --help ----


CHILDREN = ("serving.tokenising_processes",)


def commands() -> list[str]:
    """What `python -m` runs: packages with a __main__, and modules with a guard for it. (Nobody asks children of this
    project's own for help.)"""
    of_users = {m: tree for m, tree in trees().items() if not (m.startswith("trainables") or m in CHILDREN)}
    guarded = [m for m, tree in of_users.items() if any(map(_is_main_guard, tree.body))]
    return sorted([m.removesuffix(".__main__") for m in of_users if m.endswith(".__main__")] + guarded)


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def test_the_commands_are_found():
    documented = "tuner.grid tuner.search tuner.doctor analysis.report analysis.audit analysis.predict analysis.across"
    documented += " serving.export serving.predict"
    assert set(documented.split()) <= set(commands())


# Runs a command's --help, then says which modules that imported.
HELP = """
import runpy, sys
module, sys.argv = sys.argv[1], [sys.argv[1], "--help"]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
except SystemExit as ended:
    print("IMPORTED", *sys.modules)
    sys.exit(ended.code)
"""


@pytest.mark.parametrize("module", commands())
def test_help_answers_in_under_a_second_and_imports_nothing_heavy(module):
    before_s = _children_cpu_s()
    done = subprocess.run([sys.executable, "-c", HELP, module], cwd=ROOT, capture_output=True, text=True, check=False)
    cpu_s = _children_cpu_s() - before_s  # of a processor: the machine may be busy otherwise
    assert done.returncode == 0, done.stderr
    said, _, names = done.stdout.partition("IMPORTED")
    assert "usage" in said
    assert set(HEAVY) & set(names.split()) == set()
    assert cpu_s < 1, f"{module} --help took {cpu_s:.2f} s"


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.seconds
def test_a_plan_needs_no_ray():
    code = "import sys; from tuner.plan import plan; from search_spaces.presets import DEMO; plan(DEMO)"
    code += "; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
