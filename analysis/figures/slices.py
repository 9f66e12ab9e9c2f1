"""Which configurations stand in one picture: the published experiment's slices through the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.findings.slices import models_of, same_as, several_models
from search_spaces.axes import AXES, reducing_axes, setting_axes

# Name of the file, title, and the axes that vary.
PUBLISHED = (
    ("length", "Length", ("max_seq_len",)),
    ("depth", "Depth", ("depth",)),
    ("precision", "Precision", ("precision",)),
    ("precision_x_length", "Precision × length", ("precision", "max_seq_len")),
)


@dataclass(frozen=True)
class Slice:
    """Configurations that differ from the baseline in the named axes only."""

    name: str  # of the file: "length", "precision_x_length"
    title: str
    axes: tuple[str, ...]
    table: pd.DataFrame
    series: str = "precision"  # the axis whose values have a colour each
    order: tuple[str, ...] = ()  # of these values in a legend, where they have one of their own


def paper_slices(table: pd.DataFrame, baseline: pd.Series) -> tuple[list[Slice], list[str]]:
    """(the slices that hold at least two configurations, a sentence for each of the others)."""
    found: list[Slice] = []
    missing: list[str] = []
    for name, title, axes in PUBLISHED:
        part = same_as(table, baseline, [a for a in AXES if a not in axes])
        if len(part) < 2 or any(len(set(part[a])) < 2 for a in axes):
            missing.append(f"{title}: {_why_not(table, part, axes)}")
            continue
        found.append(Slice(name, f"{title}{_fixed_words(table, baseline, axes)}", axes, part))
    varying = tuple(a for a in AXES if len(set(table[a])) > 1)
    if len(table) > max((len(s.table) for s in found), default=1):
        found.append(Slice("all", all_title(table), varying, table))
    if several_models(table):
        order = tuple(str(AXES["model"].short(model)) for model in models_of(table))
        found.append(Slice("models", f"{all_title(table)}, by model", varying, table, "model", order))
    return found, missing


def all_title(table: pd.DataFrame) -> str:
    """What a picture of every configuration is called."""
    return f"All {len(table)} configurations" if len(table) > 1 else "The only configuration"


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
