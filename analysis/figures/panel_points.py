"""The configurations of several tasks as the points of panels, and what the tasks' quantities are called together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.findings.comparison import Comparison, TaskResult
from analysis.findings.slices import same_as
from analysis.words.quantities import score_quantity
from search_spaces.axes import AXES

DEEPEST = -12  # times the tolerance: a fall that is drawn; below, accuracy is lost for good and hides the rest


def along(task: TaskResult, axis: str) -> pd.DataFrame:
    """The configurations that differ from the baseline in this axis and precision only."""
    others = [a for a in AXES if a not in (axis, "precision")]
    return same_as(task.assessment.table, task.assessment.baseline, others)


def panel_points(task: TaskResult, table: pd.DataFrame, x: pd.Series, y: pd.Series) -> pd.DataFrame:
    """`analysis.figures.panels.PANEL_COLUMNS` of the rows: one panel per task, no intervals, nothing circled."""
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


def score_word(tasks: Sequence[TaskResult]) -> str:
    """ "accuracy", or "the score" where the tasks are scored differently."""
    names = {q.label.split(" (")[0].lower() for task in tasks if (q := score_quantity(task.assessment.table))}
    return names.pop() if len(names) == 1 else "the score"


def energy_word(c: Comparison) -> str:
    return "Estimated energy" if c.estimated else "Energy"
