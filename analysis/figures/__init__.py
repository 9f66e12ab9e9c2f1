"""Figures: each takes results and gives a matplotlib Figure; none loads, selects or fits anything.

    tradeoff      one objective against another, with error bars and the frontier
    energy_model  the fitted model against the data, and its residuals
    reference     measured energy over the matmul reference
    drift         repeated anchor measurements over time
    panels        the same picture once per task, side by side
    forest        differences with their intervals, one below the other
    waterfall     a saving, one axis switched at a time

`analysis.figures.style.save` writes a figure as PNG and SVG.
"""

from analysis.figures.drift import drift
from analysis.figures.energy_model import energy_model
from analysis.figures.forest import forest
from analysis.figures.panels import PANEL_COLUMNS, panels
from analysis.figures.reference import reference
from analysis.figures.tradeoff import POINT_COLUMNS, tradeoff
from analysis.figures.waterfall import waterfall

__all__ = [
    "PANEL_COLUMNS",
    "POINT_COLUMNS",
    "drift",
    "energy_model",
    "forest",
    "panels",
    "reference",
    "tradeoff",
    "waterfall",
]
