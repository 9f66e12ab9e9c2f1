"""The command line: mistakes in one line, help at once."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.report.command import main
from tests.make import runs as fabricated


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs at least one run"),
        (["{run}/nothing-here"], "check the path"),
        (["{run}", "--tolerance", "2"], "tolerance must be a fraction"),
        (["{run}", "--objectives", "accuracy"], "two or three different"),
        (["{run}", "--objectives", "accuracy", "speed"], "must be one of"),
        (["{run}", "--columns", "oops"], "THEIRS=OURS"),
        (["{run}", "--output", "{run}/results.csv"], "give --output DIR"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    run = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    assert main([a.replace("{run}", str(run)) for a in arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'matplotlib', 'torch', 'ray'}"
    code = (
        "import sys; sys.argv = ['report', '--help']\n"
        "import analysis.report.command\n"
        f"try: analysis.report.command.main()\nfinally: print(sorted({heavy} & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert time.perf_counter() - start < 5  # 0.4 s alone; the machine that runs the tests may be busy
    assert "--tolerance" in done.stdout
    assert done.stdout.strip().endswith("[]")
