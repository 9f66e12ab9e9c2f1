"""The figure of a kept run: each round against idle neighbours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis.figures.style import BLUE, INK, MUTED, PAGE_WIDTH_IN, VERMILLION, new_figure, styled
from benchmarks.experiments.neighbours import STATES

TITLES = {"anchor": "The anchor (GPU-bound)", "launch-bound": "Launch-bound"}  # of the loads' panels
SERIES = (("energy", "J/example", -0.12, BLUE, "o"), ("latency", "ms/example", 0.12, VERMILLION, "s"))


def draw(file: Path) -> list[Path]:
    """Each round's ratio to idle neighbours, one panel per load: `neighbours.png` beside the JSON file of a run."""
    compared = json.loads(file.read_text())["compared"]
    with styled():
        figure, panels = new_figure(width_in=PAGE_WIDTH_IN, columns=2)
        for panel, load in zip(panels, TITLES, strict=True):
            _panel(panel, [c for c in compared if c["load"] == load and c["neighbours"] != STATES[0]], TITLES[load])
        panels[0].legend(loc="best")
        figure.savefig(file.with_suffix(".png"))
    return [file.with_suffix(".png")]


def _panel(panel: Axes, own: list[dict[str, Any]], title: str) -> None:
    panel.axhline(0, color=MUTED, lw=0.8)
    for x, entry in enumerate(own):
        for name, label, shift, color, marker in SERIES:
            values = 100 * (np.array(entry[name]) - 1)
            at = x + shift + np.linspace(-0.05, 0.05, len(values))
            panel.plot(at, values, marker, color=color, ms=3.5, alpha=0.7, label=None if x else label)
            panel.plot([x + shift - 0.09, x + shift + 0.09], [np.median(values)] * 2, color=INK, lw=1.2)
    panel.set_xticks(range(len(own)), [f"{c['neighbours']} neighbour" for c in own])
    panel.set_xlim(-0.5, len(own) - 0.5)
    panel.set_title(title)
    panel.set_ylabel("Against an idle neighbour (%)")
