"""The pictures of a comparison of tasks: the same axes side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import figures
from analysis.across.words import axis_sentences, listed, setting_words
from analysis.figures.style import save
from analysis.findings.agreement import AGREE
from analysis.findings.comparison import Comparison, TaskResult
from analysis.findings.part import Part, attempt
from analysis.findings.per_token import TaskLine
from analysis.findings.slices import same_as, score_quantity
from analysis.report.gallery import Picture, baseline_of
from analysis.words.rounding import format_percent, points_word
from search_spaces.axes import AXES, reducing_axes

DEEPEST = -12  # times the tolerance: a fall that is drawn; below, accuracy is lost for good and hides the rest

_Make = Callable[[], object]


def draw(c: Comparison, folder: Path) -> dict[str, list[Picture]]:
    """Draw and save every figure into `folder`; the pictures by the section they stand in."""

    def picture(name: str, title: str, caption: str, make: _Make) -> Picture:
        made: Part[tuple[Path, Path]] = attempt(f"The figure {name}", lambda: save(make(), folder, name))  # type: ignore[arg-type]
        if made.value is None:
            return Picture(name, title, caption, problem=made.problem)
        return Picture(name, title, caption, *made.value)

    scored = [task for task in c.tasks if task.scored]
    sections: dict[str, list[Picture]] = {"regime": [], "tradeoff": [], "energy": [], "per_token": [], "slopes": []}
    for axis in reducing_axes():
        if tasks := [task for task in scored if task.ends[axis]]:
            sections["regime"].append(picture(*_change(c, tasks, axis)))
        if tasks := [task for task in c.tasks if len(_line(task, axis)[axis].unique()) > 1]:
            sections["energy"].append(picture(*_energy(c, tasks, axis)))
    if scored:
        sections["tradeoff"].append(picture(*_tradeoff(c, scored)))
    if c.per_token:
        sections["per_token"].append(picture(*_per_token(c)))
        sections["slopes"].append(picture(*_slopes(c)))
    return sections


def _change(c: Comparison, tasks: list[TaskResult], axis: str) -> tuple[str, str, str, _Make]:
    """The change of the score against the baseline along one axis."""
    word = AXES[axis].word
    said = axis_sentences(c, axis) or [f"The score along {word}"]
    title = said[0].split(". ")[0].removesuffix(".")
    caption = (
        "Change of the score against the task's baseline on the same examples; bars: 90 % score interval (its lower "
        "end is the one-sided 95 % limit); ringed: the last value that keeps the score; dashed: the tolerance. Deep "
        "falls are cut off."
    )

    def make() -> object:
        frames = []
        for task in tasks:
            line = _line(task, axis)
            frame = _frame(task, line, line[axis], 100 * line["accuracy_difference"])
            frame["y_low"] = 100 * line["accuracy_difference_low"]
            frame["y_high"] = 100 * line["accuracy_difference_high"]
            last = {(end.precision, end.value) for end in task.ends[axis]}
            frame["circled"] = [pair in last for pair in zip(line["precision"], line[axis], strict=True)]
            frames.append(frame)
        return figures.panels(
            pd.concat(frames, ignore_index=True),
            x_label=AXES[axis].label,
            y_label=f"Change of {_score_words(tasks)} (points)",
            title=title,
            level=(-100 * c.tolerance, f"−{points_word(c.tolerance)}"),
            floor=DEEPEST * 100 * c.tolerance,
            share_x=False,
            ticks_at_points=True,
        )

    return f"across_score_{word}", title, caption, make


def _energy(c: Comparison, tasks: list[TaskResult], axis: str) -> tuple[str, str, str, _Make]:
    """Energy per example along one axis."""
    word = AXES[axis].word
    title = f"{_energy_word(c)} per example against {word}"
    caption = "One example: a sentence, a pair or a question with all windows of its paragraph."

    def make() -> object:
        frames = []
        for task in tasks:
            line = _line(task, axis)
            frame = _frame(task, line, line[axis], 1e3 * line["energy_j_per_example"])
            half = 1e3 * line["energy_j_per_example_ci95"]
            frame["y_low"], frame["y_high"] = frame["y"] - half, frame["y"] + half
            frames.append(frame)
        return figures.panels(
            pd.concat(frames, ignore_index=True),
            x_label=AXES[axis].label,
            y_label=f"{_energy_word(c)}\n(mJ/example)",
            title=title,
            share_x=False,
            ticks_at_points=True,
            estimated=c.estimated,
        )

    return f"across_energy_{word}", title, caption, make


def _tradeoff(c: Comparison, tasks: list[TaskResult]) -> tuple[str, str, str, _Make]:
    """Score against energy, both relative to the task's own baseline, every configuration."""
    title = "What energy buys, each task against its own baseline"
    caption = "Every configuration; ringed: the cheapest that keeps the score. Configurations far below are cut off."

    def make() -> object:
        frames = []
        for task in tasks:
            found = task.assessment.recommendation.value
            assert found is not None  # noqa: S101 (for the type checker)
            table = found.table
            frame = _frame(task, table, 100 / table["energy_ratio"], 100 * table["accuracy_difference"])
            if found.choice is not None:
                frame["circled"] = table.index.isin(same_as(table, found.choice, AXES).index)
            frames.append(frame)
        points = pd.concat(frames, ignore_index=True)
        return figures.panels(
            points,
            x_label=f"{_energy_word(c)} (% of the baseline's)",
            y_label=f"Change of {_score_words(tasks)} (points)",
            title=title,
            lines=points.iloc[:0],
            floor=DEEPEST * 100 * c.tolerance,
            level=(-100 * c.tolerance, f"−{points_word(c.tolerance)}"),
            estimated=c.estimated,
        )

    return "across_tradeoff", title, caption, make


def _per_token(c: Comparison) -> tuple[str, str, str, _Make]:
    """Energy of one model input against its tokens, all tasks in one panel per setting."""
    agreed = [p for p in c.per_token if p.whole.verdict == AGREE]
    title = "Energy of one model input against its tokens"
    if agreed:
        worst = max(p.whole.percent or 0.0 for p in agreed)
        where = listed([setting_words(p, c) for p in agreed])
        title = f"An input costs the same whatever the task, to {format_percent(worst)} ({where})"
    caption = "Points: configurations at full depth; lines: fitted task by task, in one form."

    def make() -> object:
        points, lines = [], []
        for part in c.per_token:
            name = setting_words(part, c)
            for line in part.lines:
                points.append(
                    pd.DataFrame({"panel": name, "x": line.tokens, "y": 1e3 * line.energy, "series": line.task})
                )
                lines.append(_fitted(line).assign(panel=name, series=line.task))
        frame = pd.concat(points, ignore_index=True).assign(y_low=np.nan, y_high=np.nan, circled=False)
        return figures.panels(
            frame,
            x_label="Tokens per input",
            y_label=f"{_energy_word(c)}\n(mJ/input)",
            title=title,
            lines=pd.concat(lines, ignore_index=True),
            share_y=False,
            from_zero=True,
            estimated=c.estimated,
        )

    return "across_per_token", title, caption, make


def _fitted(line: TaskLine) -> pd.DataFrame:
    x = np.linspace(line.tokens.min(), line.tokens.max(), 40)
    return pd.DataFrame({"x": x, "y": [1e3 * line.whole(t).value for t in x]})


def _slopes(c: Comparison) -> tuple[str, str, str, _Make]:
    """The energy of one more token, each task against the mean of all: what should be one number per setting."""
    at = {f"{p.at_tokens:.0f}" for p in c.per_token if p.at_tokens}
    title = f"One more token{f' at {listed(sorted(at))}' if at else ''}: each task against the mean of all"
    caption = "Slope of the fitted lines over the tasks' mean at that precision, 95 % (HC3); values in the table."

    def make() -> object:
        rows = []
        for part in c.per_token:
            slopes = {line.task: line.marginal(part.at_tokens or 0.0) for line in part.lines}
            mean = float(np.mean([value.value for value in slopes.values()]))
            rows += [
                {
                    "label": f"{task}, {setting_words(part, c)}",
                    "series": part.setting["precision"],
                    "x": 100 * (value.value / mean - 1),
                    "low": 100 * (value.low / mean - 1),
                    "high": 100 * (value.high / mean - 1),
                }
                for task, value in slopes.items()
                if mean > 0
            ]
        return figures.forest(
            pd.DataFrame(rows, columns=["label", "series", "x", "low", "high"]),
            x_label=f"{_energy_word(c)} of one more token, difference (%)",
            title=title,
            estimated=c.estimated,
        )

    return "across_slopes", title, caption, make


def _line(task: TaskResult, axis: str) -> pd.DataFrame:
    """The configurations that differ from the baseline in this axis and precision only."""
    return same_as(
        task.assessment.table, baseline_of(task.assessment), [a for a in AXES if a not in (axis, "precision")]
    )


def _frame(task: TaskResult, table: pd.DataFrame, x: pd.Series, y: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "panel": task.name,
            "x": x.astype(float),
            "y": y.astype(float),
            "y_low": np.nan,
            "y_high": np.nan,
            "series": table["precision"].astype(str),
            "circled": False,
        }
    )


def _score_words(tasks: list[TaskResult]) -> str:
    """ "accuracy", or "the score" where the tasks are scored differently."""
    names = {q.label.split(" (")[0].lower() for task in tasks if (q := score_quantity(task.assessment.table))}
    return names.pop() if len(names) == 1 else "the score"


def _energy_word(c: Comparison) -> str:
    return "Estimated energy" if c.estimated else "Energy"
