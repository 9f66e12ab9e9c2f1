"""Energy over the matmul reference."""

import pandas as pd
import pytest

from analysis.figures.matmul_reference import draw


def test_nothing_to_draw_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="matmul reference"):
        draw(pd.DataFrame(columns=["x", "ratio", "series", "main"]), x_label="x", title="t")
