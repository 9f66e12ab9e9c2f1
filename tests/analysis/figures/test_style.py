"""Precisions look the same in every figure, and are ordered from wide to narrow."""

import pandas as pd

from analysis.figures.style import ordered_series, precision_style
from search_spaces.precisions import PRECISIONS


def test_each_precision_looks_like_no_other() -> None:
    assert len({precision_style(name) for name in PRECISIONS}) == len(PRECISIONS)


def test_an_unknown_name_looks_the_same_each_time() -> None:
    assert precision_style("posit16") == precision_style("posit16")


def test_series_come_from_wide_to_narrow_then_by_name() -> None:
    series = pd.Series(["posit16", "fp16", "fp32", "bfp", "tf32"])
    assert ordered_series(series) == ["fp32", "tf32", "fp16", "bfp", "posit16"]
