"""Everything a run means, redone from its folder: `python -m analysis.report RUN [RUN ...]`.

Writes results.csv, results.parquet, pareto.csv, energy_model.json, recommendation.json, figures/*.png and *.svg,
report.html (one file, no network) and report.md, then prints a summary. Works on finished, unfinished and partly
failed runs; a part that cannot be made says why in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from analysis.cli import Fitting, column_mapping, run
from search_spaces.objectives import DEFAULT_OBJECTIVES, TOLERANCE


@dataclass(frozen=True)
class Arguments(Fitting):
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN [RUN ...]")]
    """Run folders, CSV or Parquet files."""
    objectives: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = DEFAULT_OBJECTIVES
    """Two or three of search_spaces.objectives for the Pareto set."""
    tolerance: Annotated[float, tyro.conf.arg(metavar="FRACTION")] = TOLERANCE
    """Loss of accuracy that counts as none: 0.01 is one point."""
    baseline_model: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Of a sweep over several models: compare with this one's baseline. Default: that of the sweep."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to write; none: into the run folder, or beside several runs."""
    columns: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS ...")] = ()
    """Names of the columns where a table's differ from the documented ones."""


def _main(arguments: Arguments) -> int:
    # Here, since both need pandas and more, and `--help` is to answer at once.
    from analysis.report.build import build_report
    from analysis.report.summary import print_summary

    report = build_report(
        arguments.runs,
        arguments.objectives,
        arguments.tolerance,
        arguments.output,
        columns=column_mapping(arguments.columns) or None,
        keep_short_windows=arguments.keep_short_windows,
        baseline_model=arguments.baseline_model,
        ordinary=arguments.least_squares == "ordinary",
    )
    print_summary(report)
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.report", __doc__, argv)
