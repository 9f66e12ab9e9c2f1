"""The figure of a kept run: bias over window length, and a cold start as the sensors saw it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import BLUE, GREEN, INK, MUTED, VERMILLION, styled
from benchmarks.checks.window_length.windows import BEFORE_S, METHODS, SHOWN_S

COLORS = dict(zip(METHODS, (BLUE, GREEN, VERMILLION), strict=True))
ASIDE = dict(zip(METHODS, (0.94, 1.0, 1.06), strict=True))  # or their error bars hide each other
STARTS = (("instant_w", "instantaneous power", BLUE), ("averaged_w", "averaged power", VERMILLION))


def draw(file: Path) -> list[Path]:
    """`window_length[-BACKEND].png` and `.svg` beside the JSON file of a run."""
    results = json.loads(file.read_text())["backends"]
    written = []
    for number, result in enumerate(results):
        with styled():
            figure = figure_of(result)
            suffix = f"-{number}" if number else ""
            for kind in ("png", "svg"):
                written.append(file.with_name(f"{file.stem}{suffix}.{kind}"))
                figure.savefig(written[-1])
    return written


def figure_of(result: dict[str, Any]) -> Figure:
    """Left: bias over window length, cold and warm. Right: what the readings say after a cold start."""
    figure = Figure(figsize=(7.2, 3.2))
    left, right = figure.subplots(1, 2)
    _bias_panel(left, result["points"])
    _cold_start_panel(right, result["cold_start"])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=7)
    return figure


def _bias_panel(axes: Axes, points: list[dict[str, Any]]) -> None:
    axes.axvspan(1e-3, 1.0, color=MUTED, alpha=0.08, lw=0)
    axes.axhline(0, color=INK, lw=0.8)
    for phase, line, filled in (("cold", "--", False), ("warm", "-", True)):
        own = [p for p in points if p["phase"] == phase]
        for method, color in COLORS.items():
            low, middle, high = (100 * np.array([p["bias"][method][k] for p in own]) for k in ("p5", "median", "p95"))
            axes.errorbar(
                ASIDE[method] * np.array([p["length_s"] for p in own]),
                middle,
                yerr=(middle - low, high - middle),
                color=color,
                ls=line,
                lw=1,
                elinewidth=0.7,
                marker="o",
                mfc=color if filled else "white",
                ms=4,
                label=f"{method}, {phase}",
            )
    lengths = sorted({p["length_s"] for p in points})
    axes.set_xscale("log")
    axes.set_xticks(lengths, [f"{v:g}" for v in lengths])
    axes.minorticks_off()
    axes.set_xlim(lengths[0] / 1.25, lengths[-1] * 1.25)
    axes.set_xlabel("Window (s); grey: flagged short_window")
    axes.set_ylabel("J/example against the\nlong warm window (%)")
    axes.set_title("Bias of short windows")


def _cold_start_panel(axes: Axes, start: dict[str, Any]) -> None:
    for name, label, color in STARTS:
        time_s, watts = np.array(start[name]).reshape(-1, 2).T
        axes.step(time_s, watts, where="post", color=color, lw=1, label=label)
    axes.axvspan(0, start["load_s"], color=MUTED, alpha=0.08, lw=0)
    axes.set_xlim(-BEFORE_S, SHOWN_S)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Seconds since the load began; grey: load")
    axes.set_ylabel("W")
    axes.set_title("A cold start, as sensed")
    axes.legend(loc="lower right")
