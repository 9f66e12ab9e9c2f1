"""The baseline and the recommendation seed by seed, with the spread between seeds and within one."""

from __future__ import annotations

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.configurations import configuration_columns
from analysis.findings.slices import Quantity, energy_quantity, same_as, score_quantity
from analysis.report.cells import Cell, Head, Row, Table
from analysis.statistics.seeds import per_seed, seed_spread
from analysis.words.rounding import MISSING, format_with_uncertainty, points_change
from search_spaces.axes import AXES

MEAN, BETWEEN, WITHIN = "Mean", "Between seeds (sd)", "Within a seed (sd)"
NOTE = (
    "Between seeds: the standard deviation of the seeds' means, as another fine-tuning might differ. Within a seed: "
    "that of replicates of the same weights; a dash where none was repeated."
)


def several_seeds(assessment: Assessment) -> bool:
    return len(assessment.clean["seed"].dropna().unique()) > 1


def seed_table(assessment: Assessment, baseline: pd.Series) -> Table | None:
    """None where there is one seed only."""
    if not several_seeds(assessment):
        return None
    compared = {"baseline": baseline}
    if assessment.recommendation.value is not None and assessment.recommendation.value.choice is not None:
        compared["choice"] = assessment.recommendation.value.choice
    quantities = [q for q in (score_quantity(assessment.table), energy_quantity(assessment.table)) if q is not None]
    columns = {(q, role): _column(assessment, row, q) for q in quantities for role, row in compared.items()}
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    heads, cells = [Head("Seed")], {name: [Cell(name)] for name in names}
    for quantity in quantities:
        what, better = quantity.label.split(" (")[0], quantity.better
        for role in compared:
            heads.append(Head(f"{what}, {role}", quantity.unit, True))
            for name in names:
                cells[name].append(_cell(columns[quantity, role].get(name), quantity))
        if len(compared) == 2:
            heads.append(Head("Change", "points", True) if better == "max" else Head("Saving", "×", True))
            for name in names:
                old, new = (columns[quantity, role].get(name) for role in compared)
                cells[name].append(
                    Cell("" if name in (BETWEEN, WITHIN) else _compare(old, new, quantity), numeric=True)
                )
    return Table(heads, [Row(line) for line in cells.values()], NOTE)


def _column(assessment: Assessment, row: pd.Series, quantity: Quantity) -> dict[str, float]:
    """The value of one configuration by the name of the table's line."""
    own = same_as(assessment.clean, row, AXES)
    keys = [k for k in configuration_columns() if k in own]
    seeds = per_seed(own, keys, [quantity.column]).sort_values("seed")
    spread = seed_spread(own, keys, quantity.column).iloc[0]
    values = {f"{s:.0f}": v for s, v in zip(seeds["seed"], seeds[quantity.column], strict=True)}
    values |= {MEAN: row[quantity.column], BETWEEN: spread["between"], WITHIN: spread["within"]}
    return {name: float(value) * quantity.factor for name, value in values.items()}


def _cell(value: float | None, quantity: Quantity) -> Cell:
    if value is None or pd.isna(value):
        return Cell(MISSING, numeric=True)
    return Cell(f"{value:.2f}" if quantity.better == "max" else format_with_uncertainty(value), numeric=True)


def _compare(baseline: float | None, choice: float | None, quantity: Quantity) -> str:
    if baseline is None or choice is None or pd.isna(baseline) or pd.isna(choice):
        return MISSING
    if quantity.better == "max":
        return points_change((choice - baseline) / quantity.factor)
    return format_with_uncertainty(baseline / choice)
