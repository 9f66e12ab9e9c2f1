"""Energy of one model input against its tokens, all tasks in one panel per setting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.panel_points import energy_word
from analysis.figures.panels import panels
from analysis.findings.comparison import Comparison
from analysis.findings.per_token import TaskLine
from analysis.findings.verdict import AGREE
from analysis.words.across import listed, setting_words
from analysis.words.rounding import format_percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = "Points: configurations at full depth; lines: fitted task by task, in one form."


def make(comparison: Comparison) -> Iterator[Drawing]:
    c = comparison
    if not c.per_token:
        return
    title = _title(c)

    def drawn() -> Figure:
        named = [(setting_words(part, c), line) for part in c.per_token for line in part.lines]
        return panels(
            pd.concat([_points(line).assign(panel=name) for name, line in named], ignore_index=True),
            x_label="Tokens per input",
            y_label=f"{energy_word(c)}\n(mJ/input)",
            title=title,
            lines=pd.concat([_fitted(line).assign(panel=name) for name, line in named], ignore_index=True),
            share_y=False,
            from_zero=True,
            estimated=c.estimated,
        )

    yield Drawing("across_per_token", title, drawn, CAPTION, in_markdown=True)


def _title(c: Comparison) -> str:
    agreed = [p for p in c.per_token if p.whole.verdict == AGREE]
    if not agreed:
        return "Energy of one model input against its tokens"
    worst = max(p.whole.percent or 0.0 for p in agreed)
    where = listed([setting_words(p, c) for p in agreed])
    return f"An input costs the same whatever the task, to {format_percent(worst)} ({where})"


def _points(line: TaskLine) -> pd.DataFrame:
    values = {"x": line.tokens, "y": 1e3 * line.energy, "series": line.task}
    return pd.DataFrame(values | {"y_low": np.nan, "y_high": np.nan, "circled": False})


def _fitted(line: TaskLine) -> pd.DataFrame:
    x = np.linspace(line.tokens.min(), line.tokens.max(), 40)
    return pd.DataFrame({"x": x, "y": [1e3 * line.whole(t).value for t in x], "series": line.task})


FIGURE = PageFigure("across_per_token", "per_token", make)
