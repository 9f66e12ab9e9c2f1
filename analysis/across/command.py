"""Several tasks against each other: `python -m analysis.across RUN RUN [RUN ...] --output DIR`.

The same axes side by side, where the stable regime of each task ends, and whether energy per token depends on the
task. Writes across.html (one file, no network), across.md and figures/, then prints the verdict. The runs must share
the kind of card, the source of energy and the model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from analysis.cli import Reading, column_mapping, printable, run
from search_spaces.errors import check
from search_spaces.objectives import TOLERANCE
from trainables.energy.sources import words_of

if TYPE_CHECKING:
    from analysis.findings.comparison import Comparison
    from analysis.report.gallery import Picture


@dataclass(frozen=True)
class Arguments(Reading):
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN RUN [RUN ...]")]
    """Run folders, CSV or Parquet files, of two tasks or more."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to write; none: a folder beside the first run."""
    tolerance: Annotated[float, tyro.conf.arg(metavar="FRACTION")] = TOLERANCE
    """Loss of the score that counts as none: 0.01 is one point."""
    columns: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS ...")] = ()
    """Names of the columns where a table's differ from the documented ones."""


@dataclass(frozen=True)
class Across:
    """What was written, and the results behind it."""

    folder: Path
    html: Path
    markdown: Path
    headline: str
    sentences: list[str]
    comparison: Comparison
    pictures: dict[str, list[Picture]]

    @property
    def problems(self) -> list[str]:
        return [p.problem for found in self.pictures.values() for p in found if p.problem]


def build_across(
    runs: Sequence[str | Path],
    output: str | Path | None = None,
    tolerance: float = TOLERANCE,
    *,
    columns: dict[str, str] | None = None,
) -> Across:
    """Write the comparison of several tasks and return it.

    Raises UsageError where the runs hold one task only, or differ in card, source of energy or model, and
    CannotAnswer where fewer than two tasks have a valid energy.
    """
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    check(len(runs) > 0, "a comparison needs runs of two tasks or more", list(runs), "give their folders")
    from analysis.across.gallery import draw
    from analysis.across.words import headline, sentences
    from analysis.files import write_text
    from analysis.findings.comparison import compare
    from analysis.report.build import report_folder
    from analysis.report.page import render_templates

    paths = [Path(r) for r in runs]
    comparison = compare(paths, tolerance, columns=columns)
    folder = report_folder(paths, output, "across")
    pictures = draw(comparison, folder / "figures")
    html, markdown = folder / "across.html", folder / "across.md"
    said = headline(comparison), sentences(comparison)
    texts = render_templates("across", page=_page(comparison, pictures, *said))
    for file, text in ((html, texts[0]), (markdown, texts[1])):
        write_text(file, text)
    return Across(folder, html, markdown, *said, comparison, pictures)


def _page(c: Comparison, pictures: dict[str, list[Picture]], headline: str, said: list[str]) -> dict[str, Any]:
    """All that the templates need."""
    from datetime import UTC, datetime

    from analysis.across import tables
    from analysis.across.words import listed
    from analysis.report.page import exclusion_table

    return {
        "title": f"What holds across {listed([t.name for t in c.tasks])}",
        "runs": list(dict.fromkeys(c.rows["run"])),
        "subject": f"{c.model}, {c.card}",
        "estimated": c.estimated,
        "source": words_of(c.energy_source, "not recorded"),
        "headline": headline,
        "sentences": said,
        "notes": c.notes,
        "glance": tables.glance_table(c),
        "regime": tables.regime_table(c),
        "factors": tables.factor_table(c),
        "coefficients": tables.coefficient_table(c),
        "measured": tables.measured_table(c),
        "excluded": exclusion_table(c.excluded),
        "pictures": pictures,
        "method": _method(c, words_of(c.energy_source, "not recorded")),
        "made_at": datetime.now(UTC),
    }


def _method(c: Comparison, source: str) -> list[str]:
    from analysis.findings.energy_model.model import DEFAULT_EQUIVALENCE
    from analysis.words.rounding import points_word

    return [
        f"Energy: {source}; gross, per example of the task (a question with all its windows counts as one).",
        "The score of a task is its accuracy; of SQuAD that is exact match. Each configuration is compared with its "
        f"own task's baseline on the same examples: paired non-inferiority, tolerance {points_word(c.tolerance)}, "
        "score interval (Tango 1998), one-sided 5 %.",
        "Energy per token: a line through each task's configurations at full depth, all tasks in one form. Two tasks "
        f"agree where the 95 % interval of their ratio lies within {100 * DEFAULT_EQUIVALENCE:g} %. The intervals hold "
        "what the line leaves over; a drift of the card between the runs is not in them.",
    ]


def _main(arguments: Arguments) -> int:
    columns = column_mapping(arguments.columns) or None
    across = build_across(arguments.runs, arguments.output, arguments.tolerance, columns=columns)
    c = across.comparison
    said = [
        f"{c.model}, {c.card}{', ENERGY IS ESTIMATED, NOT MEASURED' if c.estimated else ''}",
        f"{across.headline}.\n",
        *(f"- {line}" for line in [*across.sentences, *c.notes, *across.problems]),
        f"\nReport   {across.html}",
    ]
    print(printable("\n".join(said)))
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.across", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
