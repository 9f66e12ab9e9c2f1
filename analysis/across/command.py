"""Several tasks against each other: `python -m analysis.across RUN RUN [RUN ...] --output DIR`.

The same axes side by side, where the stable regime of each task ends, and whether energy per token depends on the
task. Writes across.html (one file, no network), across.md and figures/, then prints the verdict. The runs must share
the kind of card, the source of energy and the model; of sweeps over several models, --model says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from analysis.cli import Reading, column_mapping, printable, run
from search_spaces.objectives import TOLERANCE


@dataclass(frozen=True)
class Arguments(Reading):
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN RUN [RUN ...]")]
    """Run folders, CSV or Parquet files, of two tasks or more."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """On which model, where runs hold several: each task is then compared with this one's own baseline."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to write; none: a folder beside the first run."""
    tolerance: Annotated[float, tyro.conf.arg(metavar="FRACTION")] = TOLERANCE
    """Loss of the score that counts as none: 0.01 is one point."""
    columns: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS ...")] = ()
    """Names of the columns where a table's differ from the documented ones."""


def _main(arguments: Arguments) -> int:
    from analysis.across.build import build_across  # here, since it needs pandas and `--help` is to answer at once
    from analysis.words.across import notes

    columns = column_mapping(arguments.columns) or None
    across = build_across(arguments.runs, arguments.output, arguments.tolerance, columns=columns, model=arguments.model)
    c = across.comparison
    said = [
        f"{c.model}, {c.card}{', ENERGY IS ESTIMATED, NOT MEASURED' if c.estimated else ''}",
        f"{across.headline}.\n",
        *(f"- {line}" for line in [*across.sentences, *notes(c), *across.gallery.problems]),
        f"\nReport   {across.html}",
    ]
    print(printable("\n".join(said)))
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.across", __doc__, argv)
