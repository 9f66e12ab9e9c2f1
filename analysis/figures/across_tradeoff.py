"""Score against energy, both relative to the task's own baseline, every configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.panel_points import DEEPEST, energy_word, panel_points, score_word
from analysis.figures.panels import panels
from analysis.findings.comparison import Comparison, TaskResult
from analysis.findings.slices import same_as
from analysis.words.rounding import points_word
from search_spaces.axes import AXES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What energy buys, each task against its own baseline"
CAPTION = "Every configuration; ringed: the cheapest that keeps the score. Configurations far below are cut off."


def make(comparison: Comparison) -> Iterator[Drawing]:
    c, tasks = comparison, [task for task in comparison.tasks if task.scored]
    if not tasks:
        return

    def drawn() -> Figure:
        points = pd.concat([_points(task) for task in tasks], ignore_index=True)
        return panels(
            points,
            x_label=f"{energy_word(c)} (% of the baseline's)",
            y_label=f"Change of {score_word(tasks)} (points)",
            title=TITLE,
            lines=points.iloc[:0],
            floor=DEEPEST * 100 * c.tolerance,
            level=(-100 * c.tolerance, f"−{points_word(c.tolerance)}"),
            estimated=c.estimated,
        )

    yield Drawing("across_tradeoff", TITLE, drawn, CAPTION, in_markdown=True)


def _points(task: TaskResult) -> pd.DataFrame:
    found = task.assessment.recommendation.value
    if found is None:
        raise ValueError(f"{task.name} has a score but no recommendation")
    frame = panel_points(task, found.table, 100 / found.table["energy_ratio"], 100 * found.table["accuracy_difference"])
    if found.choice is not None:
        frame["circled"] = found.table.index.isin(same_as(found.table, found.choice, AXES).index)
    return frame


FIGURE = PageFigure("across_tradeoff", "tradeoff", make)
