"""Everything a run means, redone from its folder: `python -m analysis.report RUN [RUN ...]`.

Writes results.csv, results.parquet, pareto.csv, energy_model.json, figures/*.png and *.svg, report.html (one
file, no network) and report.md, then prints a summary. Works on finished, unfinished and partly failed runs;
a part that cannot be made says why in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from analysis.cli import Reading, column_mapping, run
from search_spaces.errors import UsageError, check
from search_spaces.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, TOLERANCE

if TYPE_CHECKING:
    import pandas as pd

    from analysis.findings.assessment import Assessment
    from analysis.report.page import Section


@dataclass(frozen=True)
class Arguments(Reading):
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN [RUN ...]")]
    """Run folders, CSV or Parquet files."""
    objectives: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = DEFAULT_OBJECTIVES
    """Two or three of search_spaces.objectives for the Pareto set."""
    tolerance: Annotated[float, tyro.conf.arg(metavar="FRACTION")] = TOLERANCE
    """Loss of accuracy that counts as none: 0.01 is one point."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to write; none: into the run folder, or beside several runs."""
    columns: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS ...")] = ()
    """Names of the columns where a table's differ from the documented ones."""


@dataclass(frozen=True)
class Report:
    """What was written, and the results behind it."""

    folder: Path
    html: Path
    markdown: Path
    figures: list[Path]
    rows: pd.DataFrame
    excluded: pd.DataFrame
    assessments: list[Assessment]
    problems: list[str] = field(default_factory=list)  # parts that could not be made, a sentence each


def write_report(
    run_dirs: Sequence[str | Path],
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    tolerance: float = TOLERANCE,
    output: str | Path | None = None,
) -> Path:
    """Write the report of one or several runs; the path of report.html. See `build_report`."""
    return build_report(run_dirs, objectives, tolerance, output).html


def build_report(
    run_dirs: Sequence[str | Path],
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    tolerance: float = TOLERANCE,
    output: str | Path | None = None,
    *,
    columns: dict[str, str] | None = None,
    bootstrap: bool = True,
    seed: int = 0,
) -> Report:
    """Write every file of a report and return it.

    Args:
        run_dirs: run folders, or CSV or Parquet files of rows.
        objectives: two or three names of `search_spaces.objectives` for the Pareto set.
        tolerance: loss of accuracy (a fraction) that counts as none.
        output: folder to write into; by default the run's own, or one beside several runs.
        columns: renames a table's columns, {"theirs": "ours"}.
        bootstrap: draw front probabilities.
        seed: of the bootstrap, so that the same folder gives the same report.
    Raises:
        UsageError: an objective, the tolerance or a path is wrong, or no trial has finished.
    """
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    names = tuple(OBJECTIVES[name].name for name in objectives)
    check(
        2 <= len(set(names)) == len(names) <= 3,
        "objectives must be two or three different ones",
        list(names),
        "see --help",
    )
    check(len(run_dirs) > 0, "a report needs at least one run", list(run_dirs), "give a path such as runs/demo")
    paths = [Path(p) for p in run_dirs]
    from analysis.rows.load import load, load_anchors, load_finetune

    rows = load(*paths, columns=columns)
    folder = report_folder(paths, output)

    import numpy as np
    import pandas as pd

    from analysis.findings.assessment import assessments
    from analysis.findings.configurations import valid
    from analysis.findings.part import attempt
    from analysis.report.gallery import draw
    from analysis.report.page import left_out, section
    from analysis.rows.cards import level_cards

    read = attempt("The anchors", lambda: load_anchors(*paths))
    tuned = attempt("The fine-tunings", lambda: load_finetune(*paths))
    problems = [part.problem for part in (read, tuned) if part.problem]
    anchors = read.value if read.value is not None else pd.DataFrame()
    levelled, said = level_cards(rows, anchors)
    _, excluded = valid(rows)
    rng = np.random.default_rng(seed)
    found = assessments(levelled, names, tolerance, rng=rng, bootstrap=bootstrap, finetune=tuned.value)
    problems += _write_tables(paths, rows, found, folder)
    galleries, sections = [], []
    for assessment in found:
        own = _of_assessment(anchors, assessment)
        galleries.append(draw(assessment, folder / "figures", own))
        note = said.get((str(assessment.common.get("gpu_name")), str(assessment.common.get("model") or "")), "")
        sections.append(section(assessment, galleries[-1], own, note, left_out(assessment, rows)))
    page_problem = ""
    if not found:
        reasons = "; ".join(f"{n} {reason}" for reason, n in excluded["reason"].value_counts().head(3).items())
        page_problem = f"There is no answer: none of the {len(rows)} trials has a valid energy ({reasons})."
    html, markdown = _write_pages(paths, rows, excluded, found, sections, problems, page_problem, folder)
    figures = [p for g in galleries for q in g.pictures for p in (q.png, q.svg) if p is not None]
    problems += [f"{q.title}: {q.problem}" for g in galleries for q in g.pictures if q.problem]
    return Report(folder, html, markdown, figures, rows, excluded, found, problems)


def report_folder(paths: list[Path], output: str | Path | None, prefix: str = "report") -> Path:
    """Where the report goes; a UsageError where it cannot be written. `prefix`: of a folder beside several runs."""
    if output is not None:
        folder = Path(output)
    elif len(paths) == 1:
        folder = paths[0] if paths[0].is_dir() else paths[0].with_name(f"{paths[0].stem}-{prefix}")
    else:
        folder = paths[0].parent / f"{prefix}-{'-'.join(p.stem for p in paths[:3])}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".report-probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"the report must go into a folder that can be written, but {folder}: {error.strerror}; give --output DIR"
        ) from error
    return folder


def _write_tables(paths: list[Path], rows: pd.DataFrame, found: list[Assessment], folder: Path) -> list[str]:
    """results.*, pareto.csv, energy_model.json; the sentences of what could not be written."""
    from analysis.findings.pareto import pareto_set
    from analysis.findings.part import attempt
    from analysis.report.write import PARETO_PAIRS, pareto_table, write_tables

    problems: list[str] = []
    fronts = []
    for assessment in found:
        if assessment.front.value is not None:
            fronts.append(pareto_table(assessment.front.value, assessment.objectives))
        else:
            problems.append(assessment.front.problem)
        for pair in PARETO_PAIRS:
            if set(pair) != set(assessment.objectives):
                made = attempt(
                    "A Pareto set",
                    lambda pair=pair, assessment=assessment: pareto_table(pareto_set(assessment.table, pair), pair),  # type: ignore[misc]
                )
                fronts += [made.value] if made.value is not None else []
    models = [part.value for assessment in found for _, part in assessment.models if part.value is not None]
    written = attempt("The tables", lambda: write_tables(folder, rows, fronts, models or None, sources=paths))
    return [*problems, written.problem] if written.problem else problems


def _of_assessment(anchors: pd.DataFrame, assessment: Assessment) -> pd.DataFrame:
    """The anchors of the assessment's own model and cards, as far as the anchors say whose they are."""
    for column in ("gpu_uuid", "model"):
        own = set(assessment.clean[column].dropna())
        if own and column in anchors:
            anchors = anchors[anchors[column].isna() | anchors[column].isin(own)]
    return anchors


def _write_pages(
    paths: list[Path],
    rows: pd.DataFrame,
    excluded: pd.DataFrame,
    found: list[Assessment],
    sections: list[Section],
    problems: list[str],
    problem: str,
    folder: Path,
) -> tuple[Path, Path]:
    from analysis.files import write_text
    from analysis.findings.part import attempt
    from analysis.report.page import (
        Page,
        environment_rows,
        exclusion_table,
        flag_table,
        overview,
        published_findings,
        render,
    )
    from analysis.rows.load import load_environment

    environments = []
    for path in paths:
        part = attempt("The environment", lambda path=path: environment_rows(load_environment(path)))  # type: ignore[misc]
        environments.append((path.resolve().name, part.value if part.value is not None else [("", part.problem)]))
    counts = rows["status"].fillna("unknown").value_counts()
    page = Page(
        title=_title(found),
        runs=[str(name) for name in rows["run"].unique()],
        sections=sections,
        counts={str(status): int(n) for status, n in counts.items()},
        problem=problem,
        notes=[*rows.attrs.get("notes", []), *problems],
        flags=flag_table(rows),
        excluded=exclusion_table(excluded),
        excluded_count=len(excluded),
        environments=environments,
        published=attempt("The audit of the published rows", published_findings),
        overview=overview(sections) if len(sections) > 1 else None,
    )
    html, markdown = folder / "report.html", folder / "report.md"
    texts = render(page)
    for file, text in ((html, texts[0]), (markdown, texts[1])):
        write_text(file, text)
    return html, markdown


def _title(found: list[Assessment]) -> str:
    tasks = dict.fromkeys(str(s.common.get("task")) for s in found)
    if not tasks:
        return "No trial with a valid energy"
    return f"The cheapest way to run {', '.join(tasks)} without losing accuracy"


def print_summary(report: Report, width: int = 100) -> None:
    """Print `analysis.report.summary.summary`: the table, the Pareto set, the answer, where the files are."""
    from analysis.cli import printable
    from analysis.report.summary import summary

    print(printable(summary(report, width)))


def _main(arguments: Arguments) -> int:
    report = build_report(
        arguments.runs,
        arguments.objectives,
        arguments.tolerance,
        arguments.output,
        columns=column_mapping(arguments.columns) or None,
    )
    print_summary(report)
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.report", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
