"""How the score of each task falls along one axis, against the task's own baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.panel_points import DEEPEST, along, panel_points, score_word
from analysis.figures.panels import panels
from analysis.findings.comparison import Comparison, TaskResult
from analysis.words.across import axis_sentences
from analysis.words.rounding import points_word
from search_spaces.axes import AXES, reducing_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "Change of the score against the task's baseline on the same examples; bars: 90 % score interval (its lower end is "
    "the one-sided 95 % limit); ringed: the last value that keeps the score; dashed: the tolerance. Deep falls are cut "
    "off."
)


def make(comparison: Comparison) -> Iterator[Drawing]:
    """One picture per axis, of the tasks whose score was compared along it."""
    for axis in reducing_axes():
        tasks = [task for task in comparison.tasks if task.scored and task.ends[axis]]
        if tasks:
            yield _drawing(comparison, tasks, axis)


def _drawing(c: Comparison, tasks: Sequence[TaskResult], axis: str) -> Drawing:
    word = AXES[axis].word
    said = axis_sentences(c, axis) or [f"The score along {word}"]
    title = said[0].split(". ")[0].removesuffix(".")

    def drawn() -> Figure:
        return panels(
            pd.concat([_points(task, axis) for task in tasks], ignore_index=True),
            x_label=AXES[axis].label,
            y_label=f"Change of {score_word(tasks)} (points)",
            title=title,
            level=(-100 * c.tolerance, f"−{points_word(c.tolerance)}"),
            floor=DEEPEST * 100 * c.tolerance,
            share_x=False,
            ticks_at_points=True,
        )

    return Drawing(f"across_score_{word}", title, drawn, CAPTION, in_markdown=True)


def _points(task: TaskResult, axis: str) -> pd.DataFrame:
    line = along(task, axis)
    frame = panel_points(task, line, line[axis], 100 * line["accuracy_difference"])
    frame["y_low"] = 100 * line["accuracy_difference_low"]
    frame["y_high"] = 100 * line["accuracy_difference_high"]
    last = {(end.precision, end.value) for end in task.ends[axis]}
    frame["circled"] = [pair in last for pair in zip(line["precision"], line[axis], strict=True)]
    return frame


FIGURE = PageFigure("across_score", "regime", make)
