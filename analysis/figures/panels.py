"""The same picture once per task (or precision), side by side on the same axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from analysis.figures.style import (
    INK,
    OTHER_COLORS,
    OTHER_MARKERS,
    PAGE_WIDTH_IN,
    PRECISION_STYLES,
    finish,
    level_line,
    log_if_wide,
    new_figure,
    ordered_series,
    precision_style,
    styled,
)
from analysis.figures.style import title as set_title

# x, y in the units of the labels; y_low and y_high the ends of an interval (null: none); series a precision, or what
# `styles` names; circled: drawn with a ring.
PANEL_COLUMNS = ("panel", "x", "y", "y_low", "y_high", "series", "circled")


def panels(
    points: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    subtitle: str = "",
    lines: pd.DataFrame | None = None,
    level: tuple[float, str] | None = None,
    share_x: bool = True,
    share_y: bool = True,
    ticks_at_points: bool = False,
    from_zero: bool = False,
    floor: float | None = None,
    estimated: bool = False,
) -> Figure:
    """One panel per value of `panel`, in the order they come.

    Args:
        points: one row per point with `PANEL_COLUMNS`; rows with a null x or y are left out.
        lines: `panel`, `x`, `y`, `series` of fitted lines; where not given the points of a series are joined.
        level: (y, text) of a quiet dashed line through all panels.
        ticks_at_points: label the x axis at the measured values, which are few and the same for every series.
        from_zero: both axes begin at zero and are linear; otherwise wide ranges are logarithmic.
        floor: y below this is cut off.
    Raises:
        ValueError: no point to draw.
    """
    points = points.dropna(subset=["x", "y"])
    if points.empty:
        raise ValueError("no point to draw")
    names = list(dict.fromkeys(points["panel"]))
    series = _ordered(points["series"])
    look = {name: _look(name, i) for i, name in enumerate(series)}
    size = {name: 4 + 1.6 * (len(series) - 1 - i) for i, name in enumerate(series)}  # equal values stay visible
    with styled():
        figure, drawn = new_figure(
            2.7, columns=len(names), width_in=PAGE_WIDTH_IN, sharey=share_y, sharex=share_x, squeeze=False
        )
        for axes, name in zip(drawn[0], names, strict=True):
            own = points[points["panel"] == name]
            for s in series:
                fitted = own if lines is None else lines[lines["panel"] == name]
                line = fitted[fitted["series"] == s].sort_values("x")
                _draw(axes, own[own["series"] == s], line, look[s], size[s])
            axes.set_title(name, loc="center", fontsize=8, fontweight="bold", color=INK, pad=4)
            axes.set_xlabel(x_label)
            if level is not None:
                level_line(axes, level[0], level[1] if axes is drawn[0][-1] else "")
        _scale(drawn[0], points, names, share_x, ticks_at_points, from_zero)
        if floor is not None and points["y"].min() < floor:
            for axes in drawn[0]:
                axes.set_ylim(bottom=floor)
        drawn[0][0].set_ylabel(y_label)
        set_title(figure, title, subtitle)
        handles = [_handle(drawn[0][0], s, look[s]) for s in series]
        finish(figure, (handles, series), estimated)
    return figure


def _ordered(series: pd.Series[str]) -> list[str]:
    """Precisions from wide to narrow; tasks as they come."""
    present = list(dict.fromkeys(series))
    return ordered_series(series) if set(present) <= set(PRECISION_STYLES) else present


def _look(name: str, index: int) -> tuple[str, str]:
    """(colour, marker): of a precision its own, of any other series by its place, so that no two are alike."""
    if name in PRECISION_STYLES:
        return precision_style(name)
    return OTHER_COLORS[index % len(OTHER_COLORS)], OTHER_MARKERS[index % len(OTHER_MARKERS)]


def _draw(axes: Axes, points: pd.DataFrame, line: pd.DataFrame, look: tuple[str, str], size: float) -> None:
    color, marker = look
    below = (points["y"] - points["y_low"]).clip(lower=0).fillna(0)
    above = (points["y_high"] - points["y"]).clip(lower=0).fillna(0)
    axes.plot(line["x"], line["y"], color=color, lw=0.9, alpha=0.7, zorder=2)
    axes.errorbar(
        points["x"],
        points["y"],
        yerr=np.vstack([below, above]),
        ls="none",
        ecolor=color,
        elinewidth=0.7,
        alpha=0.6,
        zorder=2.2,
    )
    axes.plot(
        points["x"],
        points["y"],
        ls="none",
        marker=marker,
        ms=size,
        mfc=color if size == 4 else "white",
        mec="white" if size == 4 else color,
        mew=0.4 if size == 4 else 0.8,
        zorder=3,
    )
    ringed = points[points["circled"]]
    axes.plot(ringed["x"], ringed["y"], ls="none", marker="o", ms=10, mfc="none", mec=INK, mew=0.9, zorder=4)


def _handle(axes: Axes, name: str, look: tuple[str, str]) -> object:
    color, marker = look
    return axes.plot([], [], ls="-", lw=0.9, marker=marker, ms=4, color=color, mec="white", mew=0.4, label=name)[0]


def _scale(
    drawn: list[Axes], points: pd.DataFrame, names: list[str], share_x: bool, ticks_at_points: bool, from_zero: bool
) -> None:
    if from_zero:
        for axes in drawn:
            axes.set_ylim(bottom=0)
            axes.set_xlim(left=0)
        return
    if points["y"].min() > 0:
        log_if_wide(drawn[0], points["y"], axis="y")
    for axes, name in zip(drawn, names, strict=True):
        own = points if share_x else points[points["panel"] == name]
        x = np.sort(own["x"].unique())
        if not ticks_at_points:
            log_if_wide(axes, x)
            continue
        if x[-1] / x[0] > 2:
            axes.set_xscale("log")
        _ticks(axes, x)


def _ticks(axes: Axes, x: NDArray[np.float64]) -> None:
    """Ticks at the measured values, labels where they have room."""

    position = np.log(x) if axes.get_xscale() == "log" else x
    room = (position[-1] - position[0]) / 7 if len(x) > 1 else 1.0
    labelled = [len(x) - 1]
    for i in range(len(x) - 2, -1, -1):  # from the longest, the baseline's
        if position[labelled[-1]] - position[i] >= room:
            labelled.append(i)
    axes.xaxis.set_major_locator(FixedLocator(list(x)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(x), [f"{v:g}" if i in labelled else "" for i, v in enumerate(x)])
