"""Energy per example of each task along one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.panel_points import along, energy_word, panel_points
from analysis.figures.panels import panels
from analysis.findings.comparison import Comparison, TaskResult
from search_spaces.axes import AXES, reducing_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = "One example: a sentence, a pair or a question with all windows of its paragraph."


def make(comparison: Comparison) -> Iterator[Drawing]:
    """One picture per axis, of the tasks in which it varies."""
    for axis in reducing_axes():
        tasks = [task for task in comparison.tasks if len(along(task, axis)[axis].unique()) > 1]
        if tasks:
            yield _drawing(comparison, tasks, axis)


def _drawing(c: Comparison, tasks: Sequence[TaskResult], axis: str) -> Drawing:
    word = AXES[axis].word
    title = f"{energy_word(c)} per example against {word}"

    def drawn() -> Figure:
        return panels(
            pd.concat([_points(task, axis) for task in tasks], ignore_index=True),
            x_label=AXES[axis].label,
            y_label=f"{energy_word(c)}\n(mJ/example)",
            title=title,
            share_x=False,
            ticks_at_points=True,
            estimated=c.estimated,
        )

    return Drawing(f"across_energy_{word}", title, drawn, CAPTION, in_markdown=True)


def _points(task: TaskResult, axis: str) -> pd.DataFrame:
    line = along(task, axis)
    frame = panel_points(task, line, line[axis], 1e3 * line["energy_j_per_example"])
    half = 1e3 * line["energy_j_per_example_ci95"]
    frame["y_low"], frame["y_high"] = frame["y"] - half, frame["y"] + half
    return frame


FIGURE = PageFigure("across_energy", "energy", make)
