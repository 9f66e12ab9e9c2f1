"""The forest of differences between tasks."""

import pandas as pd
import pytest

from analysis.figures.across_slopes import draw


def test_a_forest_is_symmetric_about_no_difference() -> None:
    values = pd.DataFrame(
        {"label": ["a", "b"], "x": [1.0, -2.0], "low": [0.5, None], "high": [1.5, None], "series": "fp16"}
    )
    axes = draw(values, x_label="x", title="t").axes[0]
    assert axes.get_xlim() == pytest.approx((-2.2, 2.2))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match="no value"):
        draw(values.assign(x=None), x_label="x", title="t")
