"""The trade-off figure: the same twice, estimates marked, scales, many points, odd texts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.points import POINT_COLUMNS, points
from analysis.figures.style import save
from analysis.figures.tradeoff import tradeoff
from analysis.words.quantities import LATENCY, energy_quantity, score_quantity
from tests.make.tables import baseline, configurations


def test_every_figure_is_drawn_and_saved_the_same_twice(tmp_path: Path) -> None:
    table = configurations()
    energy = energy_quantity(table)
    frame = points(table, energy, score_quantity(table), ("precision", "max_seq_len", "depth"), baseline(table))
    for name in ("once", "again"):
        drawn = tradeoff(
            frame, x_label=energy.label, y_label=score_quantity(table).label, title="All", band=(92.0, "−1 point")
        )
        png, svg = save(drawn, tmp_path / name, "all")
        assert png.read_bytes().startswith(b"\x89PNG")
        assert svg.read_text().lstrip().startswith("<?xml")
    assert (tmp_path / "once/all.svg").read_bytes() == (tmp_path / "again/all.svg").read_bytes()
    assert (tmp_path / "once/all.png").read_bytes() == (tmp_path / "again/all.png").read_bytes()
    save(drawn, tmp_path / "twice", "all")  # the same figure object
    assert (tmp_path / "once/all.png").read_bytes() == (tmp_path / "twice/all.png").read_bytes()


def test_an_estimate_is_written_across_the_picture() -> None:
    table = configurations(energy_source="estimate")
    energy = energy_quantity(table)
    assert energy.label.startswith("Estimated energy")
    frame = points(table, energy, LATENCY, ("max_seq_len",))
    marked = tradeoff(frame, x_label="E", y_label="L", title="T", y_better="min", estimated=True)
    plain = tradeoff(frame, x_label="E", y_label="L", title="T", y_better="min")
    assert "estimated" in [t.get_text() for t in marked.texts]
    assert "estimated" not in [t.get_text() for t in plain.texts]


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_x_is_logarithmic_beyond_a_decade(spread: float) -> None:
    frame = pd.DataFrame(
        {
            "x": [1.0, 2.0 * spread],
            "y": [1.0, 2.0],
            "x_error": np.nan,
            "y_low": np.nan,
            "y_high": np.nan,
            "series": "fp32",
            "label": ["a", "b"],
            "on_front": True,
            "role": "",
        }
    )
    drawn = tradeoff(frame, x_label="x", y_label="y", title="t")
    assert drawn.axes[0].get_xscale() == ("log" if spread > 1 else "linear")


def test_a_single_point_and_a_dollar_sign_are_drawn(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "x": [1.0],
            "y": [50.0],
            "x_error": np.nan,
            "y_low": np.nan,
            "y_high": np.nan,
            "series": "$x^",
            "label": "$\\bad{",
            "on_front": True,
            "role": "baseline",
        }
    )
    save(tradeoff(frame, x_label="x", y_label="y", title="$\\oops{"), tmp_path, "one")


def test_ten_thousand_points_make_a_small_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 10_000
    frame = pd.DataFrame(
        {
            "x": rng.uniform(1, 100, n),
            "y": rng.uniform(50, 95, n),
            "x_error": 0.1,
            "y_low": np.nan,
            "y_high": np.nan,
            "series": "fp16",
            "label": "p",
            "on_front": False,
            "role": "",
        }
    )
    frame.loc[:8, "on_front"] = True
    _, svg = save(tradeoff(frame, x_label="x", y_label="y", title="t"), tmp_path, "many")
    assert svg.stat().st_size < 600_000


def test_nothing_to_draw_is_an_error_that_says_so() -> None:
    empty = pd.DataFrame(columns=list(POINT_COLUMNS))
    with pytest.raises(ValueError, match="no configuration has both"):
        tradeoff(empty, x_label="x", y_label="y", title="t")
