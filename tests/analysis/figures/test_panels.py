"""Panels: shared axes, ticks at the measured values, deep falls cut off."""

import pandas as pd
import pytest

from analysis.figures.panels import panels


def panel_points(**values: object) -> pd.DataFrame:
    known = {"panel": "sst2", "x": 16.0, "y": 0.0, "y_low": None, "y_high": None, "series": "fp32", "circled": False}
    return pd.DataFrame([known | {"x": x, "panel": p} | values for p in ("sst2", "qqp") for x in (16.0, 128.0)])


def test_panels_share_their_axes_and_cut_deep_falls() -> None:
    points = panel_points()
    points["y"] = [-30.0, 0.0, -1.0, 0.0]
    figure = panels(points, x_label="x", y_label="y", title="t", level=(-1.0, "here"), floor=-12)
    first, second = figure.axes
    assert [axes.get_title(loc="center") for axes in figure.axes] == ["sst2", "qqp"]
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim()[0] == -12
    assert first.get_xlim() == second.get_xlim()


def test_panels_name_the_measured_values_where_they_have_room() -> None:
    values = [16.0, 24, 32, 40, 48, 64, 96, 128]
    points = pd.concat([panel_points().iloc[:1].assign(x=x) for x in values])
    figure = panels(points, x_label="x", y_label="y", title="t", share_x=False, ticks_at_points=True)
    (axes,) = figure.axes
    assert list(axes.get_xticks()) == values
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == "16"
    assert labels[-1] == "128"
    assert "" in labels


def test_nothing_to_draw_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="no point"):
        panels(panel_points(y=None), x_label="x", y_label="y", title="t")
