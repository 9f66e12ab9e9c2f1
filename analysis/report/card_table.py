"""How the cards of a report differ, by their anchors."""

from __future__ import annotations

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.report.cells import Table, text_table
from analysis.rows.cards import card_factors, short_uuid
from analysis.words.rounding import format_percent, format_with_uncertainty


def card_table(anchors: pd.DataFrame, assessment: Assessment) -> Table | None:
    """A row per card; None where there are no anchors."""
    factors = card_factors(anchors)
    if factors.empty:
        return None
    trials = assessment.clean["gpu_uuid"].value_counts()
    rows = []
    for f in factors.to_dict("records"):
        row = {
            "Card": short_uuid(str(f["gpu_uuid"])),
            "Trials": str(trials.get(f["gpu_uuid"], 0)),
            "Anchors": str(f["anchors"]),
            "Anchor energy (mJ/example)": format_with_uncertainty(1e3 * f["energy_j_per_example"]),
        }
        if len(factors) > 1:
            half = 1.96 * f["energy_factor_se"]
            row["Over the cards' mean"] = format_with_uncertainty(f["energy_factor"], half)
        rows.append(row | {"Furthest from its median": format_percent(100 * f["drift"])})
    return text_table(rows)
