"""A report from run folders: rows to findings, findings to figures and pages, all of them written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.registry import FIGURES
from analysis.files import write_text
from analysis.findings.assessment import Assessment, assessments
from analysis.findings.baseline import model_wanted
from analysis.findings.configurations import valid
from analysis.findings.pareto import pareto_set
from analysis.findings.part import attempt
from analysis.report.audit import published_findings
from analysis.report.environment import environment_rows
from analysis.report.exclusions import exclusion_table, flag_table, left_out
from analysis.report.folder import report_folder
from analysis.report.gallery import draw
from analysis.report.page import Page, render, title
from analysis.report.recommendation_json import save as save_recommendations
from analysis.report.report import Report
from analysis.report.section import FIGURE_SECTIONS, Section, section
from analysis.report.write import PARETO_PAIRS, pareto_table, write_tables
from analysis.rows.cards import anchored_on, level_cards
from analysis.rows.choices import load_choices
from analysis.rows.load import load, load_anchors, load_environment, load_finetune
from analysis.rows.planned import load_planned
from analysis.rows.purpose import fresh_rows, sweep_rows
from analysis.rows.ray_folder import reading_once
from analysis.rows.short_windows import with_short_windows
from search_spaces.errors import check
from search_spaces.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, TOLERANCE
from trainables.rows.recommendation import RECOMMENDATION_FILE


def write_report(
    run_dirs: Sequence[str | Path],
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    tolerance: float = TOLERANCE,
    output: str | Path | None = None,
) -> Path:
    """Write the report of one or several runs; the path of report.html. See `build_report`."""
    return build_report(run_dirs, objectives, tolerance, output).html


@reading_once()
def build_report(
    run_dirs: Sequence[str | Path],
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    tolerance: float = TOLERANCE,
    output: str | Path | None = None,
    *,
    columns: dict[str, str] | None = None,
    bootstrap: bool = True,
    seed: int = 0,
    keep_short_windows: bool = False,
    ordinary: bool = False,
    baseline_model: str | None = None,
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
        keep_short_windows: use rows flagged short_window, too, and say so.
        ordinary: fit lines by ordinary least squares.
        baseline_model: the model whose baseline all others are compared with; by default the first of each sweep.
    Raises:
        UsageError: an objective, the model of the baseline, the tolerance or a path is wrong, or no trial has finished.
    """
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    names = tuple(OBJECTIVES[name].name for name in objectives)
    different = 2 <= len(set(names)) == len(names) <= 3
    check(different, "objectives must be two or three different ones", list(names), "see --help")
    check(len(run_dirs) > 0, "a report needs at least one run", list(run_dirs), "give a path such as runs/demo")
    paths = [Path(p) for p in run_dirs]
    read_rows = load(*paths, columns=columns)
    rows = with_short_windows(read_rows) if keep_short_windows else read_rows
    wanted = None if baseline_model is None else model_wanted(rows, baseline_model)
    folder = report_folder(paths, output)
    read = attempt("The anchors", lambda: load_anchors(*paths))
    tuned = attempt("The fine-tunings", lambda: load_finetune(*paths))
    problems = [part.problem for part in (read, tuned) if part.problem]
    anchors = read.value if read.value is not None else pd.DataFrame()
    made = attempt("The choices", lambda: load_choices(*paths))
    problems += [made.problem] if made.problem else []
    levelled, card_notes = level_cards(rows, anchors)
    _, excluded = valid(rows)
    found = assessments(
        levelled,
        names,
        tolerance,
        rng=np.random.default_rng(seed),
        bootstrap=bootstrap,
        finetune=tuned.value,
        choices=made.value or (),
        ordinary=ordinary,
        baseline=wanted,
        planned=load_planned(*paths),
    )
    problems += _write_tables(paths, read_rows, found, folder)
    sections = [_section(assessment, rows, anchors, card_notes, folder) for assessment in found]
    page = _page(paths, rows, excluded, sections, problems)
    html, markdown = folder / "report.html", folder / "report.md"
    for file, text in zip((html, markdown), render(page), strict=True):
        write_text(file, text)
    figures = [file for s in sections for file in s.gallery.files]
    problems += [problem for s in sections for problem in s.gallery.problems]
    return Report(folder, html, markdown, figures, rows, excluded, found, problems)


def _section(
    assessment: Assessment, rows: pd.DataFrame, anchors: pd.DataFrame, card_notes: dict[Any, str], folder: Path
) -> Section:
    own = _of_assessment(anchors, assessment)
    prefix = f"{assessment.slug}-" if assessment.slug else ""
    gallery = draw(FIGURES, FIGURE_SECTIONS, folder / "figures", prefix, assessment, own)
    group = (str(assessment.common.get("gpu_name")), str(anchored_on(assessment.clean).iloc[0]))
    return section(assessment, gallery, own, card_notes.get(group, ""), left_out(assessment, sweep_rows(rows)))


def _of_assessment(anchors: pd.DataFrame, assessment: Assessment) -> pd.DataFrame:
    """The anchors of the assessment's own model and cards, as far as the anchors say whose they are."""
    for column in ("gpu_uuid", "model"):
        own = set(assessment.clean[column].dropna())
        if own and column in anchors:
            anchors = anchors[anchors[column].isna() | anchors[column].isin(own)]
    return anchors


def _write_tables(paths: list[Path], rows: pd.DataFrame, found: list[Assessment], folder: Path) -> list[str]:
    """results.*, pareto.csv, energy_model.json, recommendation.json; the sentences of what could not be written."""
    problems: list[str] = []
    fronts = []
    for assessment in found:
        if assessment.front.value is not None:
            fronts.append(pareto_table(assessment.front.value, assessment.objectives))
        else:
            problems.append(assessment.front.problem)
        for pair in PARETO_PAIRS:
            if set(pair) != set(assessment.objectives):
                made = attempt("A Pareto set", lambda t=assessment.table, p=pair: pareto_table(pareto_set(t, p), p))  # type: ignore[misc]
                fronts += [made.value] if made.value is not None else []
    models = [part.value for assessment in found for _, part in assessment.models if part.value is not None]
    written = attempt("The tables", lambda: write_tables(folder, rows, fronts, models or None, sources=paths))
    told = attempt("The recommendation's file", lambda: save_recommendations(found, folder / RECOMMENDATION_FILE))
    return [*problems, *filter(None, [written.problem, told.problem])]


def _page(
    paths: list[Path], rows: pd.DataFrame, excluded: pd.DataFrame, sections: list[Section], problems: list[str]
) -> Page:
    problem = ""
    if not sections:
        reasons = "; ".join(f"{n} {reason}" for reason, n in excluded["reason"].value_counts().head(3).items())
        problem = f"There is no answer: none of the {len(rows)} trials has a valid energy ({reasons})."
    counts = sweep_rows(rows)["status"].fillna("unknown").value_counts()
    fresh = fresh_rows(rows)
    return Page(
        title=title(list(dict.fromkeys(s.task for s in sections))),
        runs=[str(name) for name in rows["run"].unique()],
        sections=sections,
        counts={str(status): int(n) for status, n in counts.items()} | ({"fresh": len(fresh)} if len(fresh) else {}),
        problem=problem,
        notes=[*rows.attrs.get("notes", []), *problems],
        flags=flag_table(rows),
        excluded=exclusion_table(excluded),
        excluded_count=len(excluded),
        environments=[_environment(path) for path in paths],
        published=attempt("The audit of the published rows", published_findings),
    )


def _environment(path: Path) -> tuple[str, list[tuple[str, str]]]:
    made = attempt("The environment", lambda: environment_rows(load_environment(path)))
    return path.resolve().name, made.value if made.value is not None else [("", made.problem)]
