"""Which configurations stand in which figure: the paper's slices through the grid, as points to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.findings.configurations import plain
from analysis.findings.pareto import pareto_set
from analysis.statistics.seeds import per_seed
from search_spaces.axes import AXES, other_axes, published_axes, reducing_axes, setting_axes
from search_spaces.objectives import OBJECTIVES, score_names


@dataclass(frozen=True)
class Quantity:
    """A column as it is drawn: axis label, factor from the column's unit to the drawn one, direction."""

    column: str
    label: str
    factor: float = 1.0
    better: str = "min"
    error_column: str | None = None

    @property
    def unit(self) -> str:
        """ "mJ/example" of "Energy (mJ/example)"."""
        return self.label[self.label.index("(") + 1 : -1] if "(" in self.label else ""


LATENCY = Quantity("latency_ms_per_example", "Latency (ms/example)", error_column="latency_ms_per_example_ci95")


def score_quantity(table: pd.DataFrame) -> Quantity | None:
    """What the task is scored by: the first score that it has; None where all are null."""
    known = [name for name in score_names() if name in table and table[name].notna().any()]
    if not known:
        return None
    word = OBJECTIVES[known[0]].word
    return Quantity(known[0], f"{word[0].upper()}{word[1:]} (%)", 100.0, "max")


def energy_quantity(table: pd.DataFrame) -> Quantity:
    """Energy in J or mJ per example: one unit for the whole report, chosen by the cheapest configuration."""
    cheapest = table["energy_j_per_example"].min()
    unit, factor = ("mJ", 1e3) if cheapest < 0.2 else ("J", 1.0)
    word = "Estimated energy" if bool(table["estimated"].any()) else "Energy"
    return Quantity(
        "energy_j_per_example", f"{word} ({unit}/example)", factor, error_column="energy_j_per_example_ci95"
    )


@dataclass(frozen=True)
class Slice:
    """Configurations that differ from the baseline in the named axes only."""

    name: str  # of the file: "length", "precision_x_length"
    title: str
    axes: tuple[str, ...]
    table: pd.DataFrame


def paper_slices(table: pd.DataFrame, baseline: pd.Series) -> tuple[list[Slice], list[str]]:
    """(the slices that hold at least two configurations, a sentence for each of the others)."""
    wanted = (
        ("length", "Length", ("max_seq_len",)),
        ("depth", "Depth", ("depth",)),
        ("precision", "Precision", ("precision",)),
        ("precision_x_length", "Precision × length", ("precision", "max_seq_len")),
    )
    found: list[Slice] = []
    missing: list[str] = []
    for name, title, axes in wanted:
        part = same_as(table, baseline, [a for a in AXES if a not in axes])
        if len(part) < 2 or any(len(set(part[a])) < 2 for a in axes):
            missing.append(f"{title}: {_why_not(table, part, axes)}")
            continue
        found.append(Slice(name, f"{title}{_fixed_words(table, baseline, axes)}", axes, part))
    varying = tuple(a for a in AXES if len(set(table[a])) > 1)
    if len(table) > max((len(s.table) for s in found), default=1):
        found.append(Slice("all", f"All {len(table)} configurations", varying, table))
    return found, missing


def same_as(table: pd.DataFrame, row: pd.Series, axes: Iterable[str]) -> pd.DataFrame:
    """The rows that agree with `row` in every one of `axes`."""
    keep = np.ones(len(table), dtype=bool)
    for axis in axes:
        value = row[axis]
        keep &= (table[axis].isna() if pd.isna(value) else table[axis] == value).to_numpy(dtype=bool)
    return table[keep]


def describe(row: pd.Series, axes: Iterable[str] | None = None, short: bool = False) -> str:
    """ "fp16 · 48 tokens · 12 layers", or in short "fp16 · 48 tok · 12 L"; nulls are left out. By default over the axes
    of the published experiment."""
    told = set(published_axes() if axes is None else axes)
    pattern = "short_words" if short else "words"
    return " · ".join(
        axis.spell(row[name], pattern) for name, axis in AXES.items() if name in told and pd.notna(row[name])
    )


def told_axes(table: pd.DataFrame) -> list[str]:
    """The axes that tell the configurations of a table: the published ones, and those in which rows differ."""
    return [name for name, axis in AXES.items() if axis.published or len(set(table[name])) > 1]


def points(
    part: pd.DataFrame,
    x: Quantity,
    y: Quantity,
    axes: Sequence[str],
    baseline: pd.Series | None = None,
    recommended: pd.Series | None = None,
) -> pd.DataFrame:
    """`analysis.figures.POINT_COLUMNS` of the rows, with the frontier of x and y among them.

    Raises:
        CannotAnswer: no row has both quantities.
    """
    part = pareto_set(part, [y.column, x.column])
    frame = pd.DataFrame(index=part.index)
    frame["x"] = part[x.column].astype(float) * x.factor
    frame["y"] = part[y.column].astype(float) * y.factor
    frame["x_error"] = _errors(part, x)
    if y.column in OBJECTIVES and OBJECTIVES[y.column].of_examples:
        low, high = wilson(part[y.column].to_numpy(float), part["examples"].to_numpy(float))
        frame["y_low"], frame["y_high"] = low * y.factor, high * y.factor
    else:
        frame["y_low"], frame["y_high"] = frame["y"] - _errors(part, y), frame["y"] + _errors(part, y)
    frame["series"] = part["precision"].astype(str)
    pattern = "words" if len(axes) == 1 else "short_words"
    order = [a for a in AXES if a in (axes or ("precision",))]
    # Batch, padding and backend are named where they are not the baseline's: labels must be short to fit.
    usual = {} if baseline is None or len(order) == 1 else {name: plain(baseline[name]) for name in other_axes()}
    frame["label"] = [
        " · ".join(AXES[a].spell(v, pattern) for a, v in zip(order, values, strict=True) if usual.get(a) != plain(v))
        for values in part[order].itertuples(index=False)
    ]
    frame["on_front"] = part["front"].astype(bool)
    frame["role"] = ""
    for row, role in ((recommended, "recommended"), (baseline, "baseline")):
        if row is not None:
            frame.loc[same_as(part, row, AXES).index, "role"] = role
    return frame


def seed_points(clean: pd.DataFrame, part: pd.DataFrame, x: Quantity, y: Quantity) -> pd.DataFrame | None:
    """`x`, `y`, `series` of every seed of the configurations in `part`; None where there is one seed only."""
    if len(clean["seed"].dropna().unique()) < 2:
        return None
    seeds = per_seed(clean, [a for a in AXES if a in clean], [x.column, y.column])
    seeds = seeds.merge(part[list(AXES)], on=list(AXES))
    return pd.DataFrame(
        {
            "x": seeds[x.column].astype(float) * x.factor,
            "y": seeds[y.column].astype(float) * y.factor,
            "series": seeds["precision"].astype(str),
        }
    )


def wilson(share: NDArray[np.float64], n: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's 95 % score interval of a proportion (Wilson 1927); NaN where n is not known."""
    z = 1.959963984540054
    n = np.where(n > 0, n, np.nan)
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return center - half, center + half


def _errors(part: pd.DataFrame, quantity: Quantity) -> pd.Series[float]:
    if quantity.error_column is None or quantity.error_column not in part:
        return pd.Series(np.nan, index=part.index)
    return part[quantity.error_column].astype(float) * quantity.factor


def _fixed_words(table: pd.DataFrame, baseline: pd.Series, axes: Sequence[str]) -> str:
    """ " (at 12 layers, fp32)": what is held fixed, of the axes that vary elsewhere in the table."""
    held = [
        AXES[name].spell(baseline[name])
        for name in (*reducing_axes(), *setting_axes())
        if name not in axes and (pd.notna(baseline[name]) if AXES[name].published else len(set(table[name])) > 1)
    ]
    return f" (at {', '.join(held)})" if held else ""


def _why_not(table: pd.DataFrame, part: pd.DataFrame, axes: Sequence[str]) -> str:
    for axis in axes:
        if len(set(table[axis])) < 2:
            return f"the run holds one {axis} only, so there is nothing to compare"
    names = " and ".join(axes)
    return f"no two configurations differ in {names} alone from the baseline ({len(part)} found)"
