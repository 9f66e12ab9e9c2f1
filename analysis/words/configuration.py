"""A configuration in words."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from search_spaces.axes import AXES, published_axes


def describe(row: pd.Series, axes: Iterable[str] | None = None, short: bool = False) -> str:
    """ "fp16 · 48 tokens · 12 layers", or in short "fp16 · 48 tok · 12 L"; nulls are left out. By default over the axes
    of the published experiment."""
    told = set(published_axes() if axes is None else axes)
    pattern = "short_words" if short else "words"
    return " · ".join(
        axis.spell(row[name], pattern) for name, axis in AXES.items() if name in told and pd.notna(row[name])
    )
