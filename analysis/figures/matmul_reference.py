"""Measured energy over the matmul reference: how far a configuration is from a large matmul on its card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.style import INK, MUTED, finish, log_if_wide, new_figure, ordered_series, precision_style, styled
from analysis.figures.style import title as set_title
from analysis.findings.assessment import Assessment
from analysis.findings.slices import same_as
from analysis.words.configuration import describe
from analysis.words.rounding import times
from search_spaces.axes import AXES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTION = (
    "The reference: joules per FLOP of a large matmul on the same card, times the FLOP of the real tokens. "
    "A reference, not a bound: it moves with clocks, power capping and operands."
)


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing]:
    table, baseline = assessment.table, assessment.baseline
    if assessment.estimated or table["matmul_reference_j_per_example"].isna().all():
        return
    others = [a for a in AXES if a not in ("max_seq_len", "precision")]
    # At one limit alone, padding decides how many tokens are processed.
    x, x_label = ("max_seq_len", AXES["max_seq_len"].label)
    if len(set(table["max_seq_len"])) == 1 and table["tokens_per_example"].notna().all():
        x, x_label = ("tokens_per_example", "Tokens processed per example")
    ratio = table["energy_j_per_example"] / table["matmul_reference_j_per_example"]
    frame = pd.DataFrame(
        {
            "x": table[x].astype(float),
            "ratio": ratio.astype(float),
            "series": table["precision"].astype(str),
            "main": table.index.isin(same_as(table, baseline, others).index),
        }
    )
    title = "Measured energy over the matmul reference"
    finite = frame["ratio"].dropna()
    if len(finite):
        title = f"Energy is {times(finite.min())} to {times(finite.max())} the matmul reference"
    told = [a for a in others if a == "depth" or len(set(table[a])) > 1]
    subtitle = f"Lines: {describe(baseline, told)}; hollow: others"
    yield Drawing(
        "matmul_reference", title, lambda: draw(frame, x_label=x_label, title=title, subtitle=subtitle), CAPTION
    )


def draw(points: pd.DataFrame, *, x_label: str, title: str, subtitle: str = "", estimated: bool = False) -> Figure:
    """Ratio over a length, one colour per precision; lines join the configurations marked `main`.

    Args:
        points: `x` (tokens), `ratio` (measured J/example over the reference J/example), `series` (precision),
            `main` (bool: at the baseline's other settings).
        x_label: what `x` is.
    Raises:
        ValueError: no row has a ratio.
    """
    points = points.dropna(subset=["x", "ratio"])
    if points.empty:
        raise ValueError("no row has both a measured energy and a matmul reference")
    with styled():
        figure, axes = new_figure(height_in=2.3)
        axes.axhline(1, color=INK, lw=0.9, zorder=1.5)
        for name in ordered_series(points["series"]):
            color, marker = precision_style(name)
            rows = points[points["series"] == name].sort_values("x")
            main, rest = rows[rows["main"]], rows[~rows["main"]]
            axes.plot(
                rest["x"], rest["ratio"], ls="none", marker=marker, ms=3, mfc="white", mec=color, mew=0.7, alpha=0.45
            )
            axes.plot(
                main["x"], main["ratio"], color=color, marker=marker, ms=4.5, mec="white", mew=0.4, lw=1.0, label=name
            )
        ratios = points["ratio"]
        if log_if_wide(axes, [*ratios, 1.0], axis="y"):
            low, high = min(float(ratios.min()), 1.0), float(ratios.max())
            axes.set_ylim(low / 1.3, high * 1.25)
        else:
            axes.set_ylim(0, max(float(ratios.max()), 1.0) * 1.1)
        axes.annotate(
            "matmul reference",
            (1.0, 1.0),
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=6.5,
            color=MUTED,
            ha="right",
            va="bottom",
        )
        axes.set_xlabel(x_label)
        axes.set_ylabel("Energy over\nmatmul reference")
        set_title(figure, title, subtitle)
        finish(figure, axes.get_legend_handles_labels(), estimated)
    return figure


FIGURE = PageFigure("matmul_reference", "card", make)
