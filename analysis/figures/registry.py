"""The figures of each page, in the order in which a section shows them. A new figure is its file and a line here."""

from __future__ import annotations

import pandas as pd

from analysis.figures import (
    accuracy_cost,
    across_energy,
    across_per_token,
    across_score,
    across_slopes,
    across_tradeoff,
    anchor_drift,
    energy_latency,
    energy_model,
    matmul_reference,
    saving,
)
from analysis.figures.page_figure import PageFigure
from analysis.findings.assessment import Assessment
from analysis.findings.comparison import Comparison
from search_spaces.registry import Registry

# Of one assessment and the anchors of its cards, whose table may be empty.
FIGURES: Registry[PageFigure[[Assessment, pd.DataFrame]]] = Registry(
    "a figure",
    (
        saving.FIGURE,
        accuracy_cost.FIGURE,
        energy_latency.FIGURE,
        energy_model.FIGURE,
        matmul_reference.FIGURE,
        anchor_drift.FIGURE,
    ),
)

# Of several tasks side by side.
COMPARISON_FIGURES: Registry[PageFigure[[Comparison]]] = Registry(
    "a figure of a comparison",
    (across_score.FIGURE, across_tradeoff.FIGURE, across_energy.FIGURE, across_per_token.FIGURE, across_slopes.FIGURE),
)
