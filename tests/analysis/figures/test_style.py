"""Precisions look the same in every figure, and are ordered from wide to narrow."""

import pandas as pd
import pytest

from analysis.figures.style import finish, new_figure, ordered_series, precision_style, styled
from search_spaces.precisions import PRECISIONS


@pytest.mark.parametrize(
    ("names", "lines"),
    [(["fp32", "fp16", "not on it"], 1), (["a-long-name-of-a-model", "the-name-of-another-model", "not on it"], 2)],
)
def test_a_legend_is_within_the_picture_however_long_its_names_are(names: list[str], lines: int) -> None:
    with styled():
        figure, axes = new_figure()
        finish(figure, ([axes.plot([0, 1], [0, 1])[0] for _ in names], names), estimated=False)
        figure.draw_without_rendering()
        (legend,) = figure.legends
        extent = legend.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        assert len({round(text.get_window_extent().y0 / 4) for text in legend.get_texts()}) == lines


def test_each_precision_looks_like_no_other() -> None:
    assert len({precision_style(name) for name in PRECISIONS}) == len(PRECISIONS)


def test_an_unknown_name_looks_the_same_each_time() -> None:
    assert precision_style("posit16") == precision_style("posit16")


def test_series_come_from_wide_to_narrow_then_by_name() -> None:
    series = pd.Series(["posit16", "fp16", "fp32", "bfp", "tf32"])
    assert ordered_series(series) == ["fp32", "tf32", "fp16", "bfp", "posit16"]
    assert ordered_series(series, ["posit16", "gone", "bfp"]) == ["posit16", "bfp", "fp32", "tf32", "fp16"]
