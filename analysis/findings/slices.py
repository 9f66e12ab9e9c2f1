"""Which rows of a table of configurations stand together, and what tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.findings.configurations import DEPTH_SHARE
from search_spaces.axes import AXES, other_axes
from search_spaces.objectives import score_names


def same_as(table: pd.DataFrame, row: pd.Series, axes: Iterable[str]) -> pd.DataFrame:
    """The rows that agree with `row` in every one of `axes`: where the model is none of them, in how much of its depth
    each has (`depth_share`) instead of the layers."""
    axes = tuple(axes)
    across = "model" not in axes and DEPTH_SHARE in table
    keep = np.ones(len(table), dtype=bool)
    for axis in axes:
        column = DEPTH_SHARE if across and axis == "depth" else axis
        value = row[column]
        keep &= (table[column].isna() if pd.isna(value) else table[column] == value).to_numpy(dtype=bool)
    return table[keep]


def told_axes(table: pd.DataFrame) -> list[str]:
    """The axes that tell the configurations of a table: the published ones, and those in which rows differ."""
    return [name for name, axis in AXES.items() if axis.published or len(set(table[name])) > 1]


def several_models(table: pd.DataFrame) -> bool:
    """Models are compared with each other."""
    return len(table["model"].dropna().unique()) > 1


def models_of(rows: pd.DataFrame) -> list[str]:
    """The models of a comparison in the order of its sweep; none where there is one, or rows do not say."""
    if "model_place" not in rows or len(rows["model"].dropna().unique()) < 2:
        return []
    return [str(model) for model in rows.sort_values("model_place", kind="stable")["model"].unique()]


def main_axes(table: pd.DataFrame) -> list[str]:
    """The axes by which a single configuration is told: the published ones, and the model where there are several."""
    return [name for name, axis in AXES.items() if axis.published or (name == "model" and several_models(table))]


def group_axes(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    """The axes that tell groups of comparable rows, by what each has in common: those that the published experiment
    held fixed, but the model only where there are several."""
    models = {group.get("model") for group in groups}
    return [name for name in other_axes() if name != "model" or len(models) > 1]


def score_column(table: pd.DataFrame) -> str | None:
    """What the task is scored by: the first score that it has; None where all are null."""
    return next((name for name in score_names() if name in table and table[name].notna().any()), None)
