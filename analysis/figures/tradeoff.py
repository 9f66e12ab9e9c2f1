"""One objective against another: points with 95 % error bars, the frontier as a step, the baseline marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.figures.labels import place_labels
from analysis.figures.style import (
    INK,
    MUTED,
    finish,
    level_line,
    log_if_wide,
    new_figure,
    ordered_series,
    series_styles,
    styled,
)
from analysis.figures.style import title as set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 400  # points: above this they are small, without error bars, and rasterised in the SVG
_MOST_LABELS = 12
_LONGEST_LABEL = 38  # characters; about half the width of the picture


def tradeoff(
    points: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    subtitle: str = "",
    y_better: Literal["max", "min"] = "max",
    band: tuple[float, str] | None = None,
    kept_note: str = "cheapest kept",
    faint: pd.DataFrame | None = None,
    order: Sequence[str] = (),
    estimated: bool = False,
) -> Figure:
    """The trade-off figure. x is better the smaller it is.

    Args:
        points: one row per configuration with the columns of `analysis.figures.points.POINT_COLUMNS`; rows with a null
            x or y are left out.
        band: (y, text): the level above which y counts as kept, drawn as a quiet dashed line.
        kept_note: what the recommended point is called beside its label.
        faint: `x`, `y`, `series` of what the points are means of (the seeds), drawn behind them; null: none.
        order: names of series in the order of the legend, as `ordered_series`.
        estimated: write "estimated" across the picture.
    Raises:
        ValueError: no row has both x and y.
    """
    points = points.dropna(subset=["x", "y"]).reset_index(drop=True)
    if points.empty:
        raise ValueError(f"no configuration has both {x_label} and {y_label}")
    many = len(points) > _MANY
    with styled():
        figure, axes = new_figure()
        behind = pd.DataFrame(columns=["x", "y", "series"]) if faint is None else faint.dropna(subset=["x", "y"])
        series, others = (ordered_series(part["series"], order) for part in (points, behind))
        look = series_styles(list(dict.fromkeys([*series, *others])))
        for name in series:
            _draw_series(axes, points[points["series"] == name], name, look[name], many)
        for name in others:
            _draw_faint(axes, behind[behind["series"] == name], look[name])
        log_if_wide(axes, points["x"])
        if y_better == "min":
            log_if_wide(axes, points["y"], axis="y")
        _pad_limits(axes, pd.concat([points, behind]) if len(behind) else points)
        line = _frontier(points, y_better, axes)
        axes.plot(line[:, 0], line[:, 1], color=INK, lw=1.0, alpha=0.75, zorder=2, scalex=False, scaley=False)
        if band is not None and axes.get_ylim()[0] < band[0] < axes.get_ylim()[1]:
            level_line(axes, *band)
        marked = points[points["role"] != ""]
        axes.plot(marked["x"], marked["y"], ls="none", marker="o", ms=9, mfc="none", mec=INK, mew=0.9, zorder=4)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        set_title(figure, title, subtitle)
        finish(figure, _legend(axes, points, behind), estimated)
        _label(axes, points, line, band, kept_note)
    return figure


def _legend(axes: Axes, points: pd.DataFrame, behind: pd.DataFrame) -> tuple[list[Any], list[str]]:
    handles, names = axes.get_legend_handles_labels()
    if not points["on_front"].all():
        hollow = axes.plot([], [], ls="none", marker="o", ms=3.8, mfc="white", mec=MUTED, mew=0.8)[0]
        handles, names = [*handles, hollow], [*names, "not on the frontier"]
    if len(behind):
        dot = axes.plot([], [], ls="none", marker="o", ms=3, color=MUTED, alpha=0.4, mec="none")[0]
        handles, names = [*handles, dot], [*names, "one seed"]
    return handles, names


def _draw_series(axes: Axes, points: pd.DataFrame, name: str, style: tuple[str, str], many: bool) -> None:
    color, marker = style
    front, rest = points[points["on_front"]], points[~points["on_front"]]
    if not many:
        for part, alpha in ((front, 0.75), (rest, 0.3)):
            below = (part["y"] - part["y_low"]).clip(lower=0).fillna(0)
            above = (part["y_high"] - part["y"]).clip(lower=0).fillna(0)
            axes.errorbar(
                part["x"],
                part["y"],
                xerr=part["x_error"].fillna(0),
                yerr=np.vstack([below, above]),
                ls="none",
                ecolor=color,
                elinewidth=0.7,
                alpha=alpha,
                zorder=2.2,
            )
    axes.plot(
        rest["x"],
        rest["y"],
        ls="none",
        marker=marker,
        ms=2 if many else 3.8,
        mfc="white",
        mec=color,
        mew=0.8,
        alpha=0.3 if many else 0.7,
        zorder=2.4,
        rasterized=many,
    )
    axes.plot(
        front["x"], front["y"], ls="none", marker=marker, color=color, mec="white", mew=0.4, ms=5, zorder=3, label=name
    )


def _draw_faint(axes: Axes, points: pd.DataFrame, style: tuple[str, str]) -> None:
    color, marker = style
    axes.plot(points["x"], points["y"], ls="none", marker=marker, ms=3, color=color, alpha=0.3, mec="none", zorder=2)


def _pad_limits(axes: Axes, points: pd.DataFrame) -> None:
    """Room for labels: 10 % on each side of the data and its error bars."""
    low = points[["y", "y_low"]].min(axis=1).min()
    high = points[["y", "y_high"]].max(axis=1).max()
    error = points["x_error"].fillna(0)
    left, right = (points["x"] - error).min(), (points["x"] + error).max()
    for lo, hi, axis in ((left, right, "x"), (low, high, "y")):
        if points[axis].min() >= 0:
            lo = max(lo, 0.0)  # an error bar may reach below zero, a joule may not
        logarithmic = (axes.get_xscale() if axis == "x" else axes.get_yscale()) == "log"
        if logarithmic:
            lo = max(lo, float(points[axis].min()) / 2)
            room = (hi / lo) ** 0.12
            limits = (lo / room, hi * room)
        else:
            room = (hi - lo) * 0.12 or abs(hi) * 0.1 or 1.0
            limits = (lo - room, hi + room)
            if lo >= 0 and limits[0] < 0:
                limits = (0.0, limits[1])
        (axes.set_xlim if axis == "x" else axes.set_ylim)(*limits)


def _frontier(points: pd.DataFrame, y_better: str, axes: Axes) -> NDArray[np.float64]:
    """Corners [n, 2] of the step: the best y that can be had for at most x, to the right edge of the axes."""
    front = points[points["on_front"]].sort_values("x")
    if front.empty:
        return np.empty((0, 2))
    x, y = front["x"].to_numpy(float), front["y"].to_numpy(float)
    best = np.maximum.accumulate(y) if y_better == "max" else np.minimum.accumulate(y)
    corners = [(x[0], best[0])]
    for i in range(1, len(x)):
        corners += [(x[i], best[i - 1]), (x[i], best[i])]
    corners.append((max(axes.get_xlim()[1], x[-1]), best[-1]))
    return np.array(corners)


def _label(
    axes: Axes, points: pd.DataFrame, line: NDArray[np.float64], band: tuple[float, str] | None, kept_note: str
) -> None:
    notes = {"baseline": " (baseline)", "recommended": f" ({kept_note})"}
    rank = points["role"].map({"recommended": 0, "baseline": 1}).fillna(2)
    chosen = points[(points["on_front"]) | (points["role"] != "")].assign(rank=rank)
    # After the marked ones, the frontier from its good end: a reader asks where accuracy is still high.
    chosen = chosen.sort_values(["rank", "x"], ascending=[True, False], kind="stable").head(_MOST_LABELS)
    texts = [f"{row.label}{notes.get(str(row.role), '')}" for row in chosen.itertuples()]
    # Too long to find room: the title names the recommended one, the subtitle or the text the baseline.
    texts = [
        notes[role].strip(" ()") if role and len(text) > _LONGEST_LABEL else text
        for text, role in zip(texts, chosen["role"], strict=True)
    ]
    obstacles = points[["x", "y"]].to_numpy(float)
    if len(points) > _MANY:
        obstacles = points.loc[points["on_front"], ["x", "y"]].to_numpy(float)
    soft = [_dense(axes, line), _error_bars(points)]
    if band is not None:
        across = np.array([[x, band[0]] for x in axes.get_xlim()])
        soft.append(_dense(axes, across, steps=60))
    place_labels(
        axes,
        chosen[["x", "y"]].to_numpy(float),
        texts,
        obstacles,
        soft=np.vstack(soft),
        bold=[bool(role) for role in chosen["role"]],
    )


def _dense(axes: Axes, line: NDArray[np.float64], steps: int = 24) -> NDArray[np.float64]:
    """The step line as points close together on the screen."""
    if len(line) < 2:
        return np.empty((0, 2))
    pixels = axes.transData.transform(line)
    share = np.linspace(0, 1, steps)[:, None]
    dense = np.vstack([a + share * (b - a) for a, b in pairwise(pixels)])
    return np.asarray(axes.transData.inverted().transform(dense))


def _error_bars(points: pd.DataFrame) -> NDArray[np.float64]:
    if len(points) > _MANY:
        return np.empty((0, 2))
    share = np.linspace(0, 1, 9)
    bars = points.dropna(subset=["y_low", "y_high"])
    low, high = bars["y_low"].to_numpy(float)[:, None], bars["y_high"].to_numpy(float)[:, None]
    ys = low * (1 - share) + high * share
    xs = np.repeat(bars["x"].to_numpy(float)[:, None], len(share), axis=1)
    return np.column_stack([xs.ravel(), ys.ravel()])
