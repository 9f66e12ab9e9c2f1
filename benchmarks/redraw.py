"""Redo what docs/results does not keep: each run's report and the comparison of tasks, into RUN/report/ (not in git).

    make results
    python -m benchmarks.redraw --show    # and replace the figures that pages show by what was redrawn

A folder with results.csv is a run. A folder with runs.txt, a name of a run folder a line, is a comparison of them.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import parse

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
SHOWN = re.compile(r"!\[[^\]]*\]\([^)]*?results/([^/)]+)/figures/([^/)]+\.png)\)")


@dataclass(frozen=True)
class Arguments:
    show: bool = False
    """Replace the figures that pages show by the redrawn ones."""


def commands() -> dict[Path, list[str]]:
    """What makes each report: the arguments of `python -m`, by the folder that it goes into."""
    found = {run.parent: ["analysis.report", str(run.parent)] for run in sorted(RESULTS.glob("*/results.csv"))}
    for file in sorted(RESULTS.glob("*/runs.txt")):
        found[file.parent] = ["analysis.across", *(str(RESULTS / name) for name in file.read_text().split())]
    return found


def shown() -> list[Path]:
    """The kept figures, as the pages name them."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    found = {RESULTS / run / "figures" / name for page in pages for run, name in SHOWN.findall(page.read_text("utf-8"))}
    return sorted(found)


def main() -> int:
    arguments = parse(Arguments, "benchmarks.redraw", __doc__)
    for folder, command in commands().items():
        report = folder / "report"
        print(f"{folder.name}/report", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", *command, "--output", str(report)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            return done.returncode
    for figure in shown():
        redrawn = figure.parents[1] / "report" / "figures" / figure.name
        if redrawn.is_file() and redrawn.read_bytes() != figure.read_bytes():
            print(f"{figure.relative_to(ROOT)} {'is replaced' if arguments.show else 'would be another: --show'}")
            if arguments.show:
                shutil.copyfile(redrawn, figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
