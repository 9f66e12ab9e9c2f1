"""Figures: rounding, label placement, slices with known frontiers, pictures that differ where they should."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import figures
from analysis.figures import style
from analysis.figures.labels import place_labels
from analysis.figures.style import new_figure, save, styled
from analysis.findings.slices import LATENCY, describe, energy_quantity, paper_slices, points, score_quantity, wilson
from analysis.words.rounding import MISSING, format_interval, format_with_uncertainty
from tests.make import runs as fabricated


@pytest.mark.parametrize(
    ("value", "half_width", "unit", "expected"),
    [
        # The Particle Data Group's own examples, then ours.
        (0.827, 0.119, "", "0.83 ± 0.12"),
        (0.827, 0.367, "", "0.8 ± 0.4"),
        (0.827, 0.97, "", "0.8 ± 1.0"),
        (9.03, 61.0, "mJ", "9 ± 61 mJ"),
        (1.2, 11.0, "", "1 ± 11"),
        (3.0, 29.0, "", "3 ± 29"),
        (0.019312, 0.00123, "J", "0.0193 ± 0.0012 J"),
        (385.2, 12.7, "mJ", "385 ± 13 mJ"),
        (12345.0, 1234.0, "", "12300 ± 1200"),
        (-0.00012, 0.01, "", "0.000 ± 0.010"),
        (0.0, 0.3, "", "0.00 ± 0.30"),
        (3.2e-5, 4e-7, "J", "(3.20 ± 0.04)×10⁻⁵ J"),
        (99.96, None, "", "100"),
        (0.5, 0.0, "", "0.500"),
        (-2.5, None, "", "−2.50"),
        (None, 1.0, "J", MISSING),
        (math.nan, 1.0, "J", MISSING),
        (math.inf, None, "", MISSING),
        (1.5, math.nan, "", "1.50"),
    ],
)
def test_numbers_are_rounded_to_their_uncertainty(
    value: float | None, half_width: float | None, unit: str, expected: str
) -> None:
    assert format_with_uncertainty(value, half_width, unit) == expected


def test_intervals_are_rounded_to_their_width() -> None:
    assert format_interval(2.6131, 2.5531, 2.6812, "×") == "2.61× (2.55 to 2.68)"
    assert format_interval(2.6131, None, None, "×") == "2.61×"
    assert format_interval(2.6131, math.nan, 3.0) == "2.61"
    assert format_interval(6.32, 0.02, 1700.0, "×") == "6× (0 to 1700)"
    assert format_interval(2.0, 1.9999999, 3.0) == "2.000 (2.000 to 3.000)"
    assert format_interval(None, 1.0, 2.0) == MISSING


def test_wilson_interval_matches_a_published_value() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, score method: 81 of 263 and 15 of 148.
    low, high = wilson(np.array([81 / 263, 15 / 148]), np.array([263.0, 148.0]))
    np.testing.assert_allclose(low, [0.2553, 0.0624], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605], atol=5e-5)


def configurations(**settings: object) -> pd.DataFrame:
    clean, _ = analysis.valid(loaded(fabricated.table(**settings)))  # type: ignore[arg-type]
    return analysis.configurations(clean)


def loaded(rows: pd.DataFrame) -> pd.DataFrame:
    """As `analysis.rows.load` would give it."""
    rows = rows.copy()
    rows["latency_ms_per_example_ci95"] = np.nan
    rows[["flags", "error"]] = rows[["flags", "error"]].fillna("")
    return rows


def baseline(table: pd.DataFrame) -> pd.Series:
    best = (table["max_seq_len"] == table["max_seq_len"].max()) & (table["depth"] == table["depth"].max())
    return table[best & (table["precision"] == "fp32")].iloc[0]


def test_slices_hold_the_other_settings_at_the_baseline() -> None:
    table = configurations()
    slices, missing = paper_slices(table, baseline(table))
    assert {s.name: len(s.table) for s in slices} == {
        "length": 5,
        "depth": 4,
        "precision": 2,
        "precision_x_length": 10,
        "all": 40,
    }
    assert missing == []
    length = slices[0].table
    assert set(length["depth"]) == {12}
    assert set(length["precision"]) == {"fp32"}
    assert slices[0].title == "Length (at 12 layers, fp32)"


def test_a_slice_that_cannot_be_made_says_why() -> None:
    table = configurations(precisions=("fp32",), depths=(12,))
    slices, missing = paper_slices(table, baseline(table))
    assert [s.name for s in slices] == ["length"]
    assert len(missing) == 3
    assert "the run holds one depth only" in missing[0]


def test_points_carry_the_frontier_the_labels_and_the_roles() -> None:
    table = configurations(precisions=("fp32",), depths=(12,), lengths=(16, 48, 128))
    table.loc[table["max_seq_len"] == 48, "accuracy"] = 0.93
    table.loc[table["max_seq_len"] == 128, "accuracy"] = 0.92  # dominated by 48
    frame = points(
        table,
        energy_quantity(table),
        score_quantity(table),
        ("max_seq_len",),
        baseline(table),
        recommended=table[table["max_seq_len"] == 48].iloc[0],
    )
    assert frame["label"].tolist() == ["16 tokens", "48 tokens", "128 tokens"]
    assert frame["on_front"].tolist() == [True, True, False]
    assert frame["role"].tolist() == ["", "recommended", "baseline"]
    np.testing.assert_allclose(frame["x"], table["energy_j_per_example"] * 1e3)
    assert list(figures.POINT_COLUMNS) == [c for c in frame.columns if c in figures.POINT_COLUMNS]


def test_describe_names_precision_length_and_depth() -> None:
    table = configurations()
    row = baseline(table)
    assert describe(row) == "fp32 · 128 tokens · 12 layers"
    assert describe(row, short=True) == "fp32 · 128 tok · 12 L"
    row["depth"] = 1
    assert describe(row, ("depth", "batch_size")) == "1 layer · batch 64"


def test_every_figure_is_drawn_and_saved_the_same_twice(tmp_path: Path) -> None:
    table = configurations()
    energy = energy_quantity(table)
    frame = points(table, energy, score_quantity(table), ("precision", "max_seq_len", "depth"), baseline(table))
    for name in ("once", "again"):
        drawn = figures.tradeoff(
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
    marked = figures.tradeoff(frame, x_label="E", y_label="L", title="T", y_better="min", estimated=True)
    plain = figures.tradeoff(frame, x_label="E", y_label="L", title="T", y_better="min")
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
    drawn = figures.tradeoff(frame, x_label="x", y_label="y", title="t")
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
    save(figures.tradeoff(frame, x_label="x", y_label="y", title="$\\oops{"), tmp_path, "one")


def test_nothing_to_draw_is_an_error_that_says_so() -> None:
    empty = pd.DataFrame(columns=list(figures.POINT_COLUMNS))
    with pytest.raises(ValueError, match="no configuration has both"):
        figures.tradeoff(empty, x_label="x", y_label="y", title="t")
    with pytest.raises(ValueError, match="no anchor"):
        figures.drift(pd.DataFrame(columns=["started_at", "gpu_uuid", "energy_j_per_example"]), title="t")
    with pytest.raises(ValueError, match="matmul reference"):
        figures.reference(pd.DataFrame(columns=["x", "ratio", "series", "main"]), x_label="x", title="t")


def test_labels_cover_neither_each_other_nor_a_point() -> None:
    rng = np.random.default_rng(5)
    anchors = np.column_stack([rng.uniform(0.1, 0.9, 90), rng.uniform(0.1, 0.9, 90)])
    with styled():
        figure, axes = new_figure()
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        figure.draw_without_rendering()
        written = place_labels(axes, anchors, [f"point {i}" for i in range(90)], anchors)
        renderer = figure.canvas.get_renderer()
        boxes = [text.get_window_extent(renderer) for text in axes.texts]
    assert 0 in written
    assert 5 <= len(written) < 90
    pixels = axes.transData.transform(anchors)
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert not any(box.contains(x, y) for x, y in pixels)
        assert axes.get_window_extent(renderer).fully_containsx(box.x0)


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
    _, svg = save(figures.tradeoff(frame, x_label="x", y_label="y", title="t"), tmp_path, "many")
    assert svg.stat().st_size < 600_000


def test_drift_shows_each_card_by_a_short_name() -> None:
    drawn = figures.drift(fabricated.anchors(cards=2), title="Drift")
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert sorted(names) == ["GPU-00000001", "GPU-3f2a91c4"]


def test_svg_names_no_outside_resource(tmp_path: Path) -> None:
    _, svg = save(figures.drift(fabricated.anchors(), title="Drift"), tmp_path, "drift")
    links = re.findall(r'(?:href|src)="([^"]+)"', svg.read_text())
    assert all(link.startswith(("#", "data:")) for link in links)


def test_the_waterfall_writes_each_factor_and_both_ends() -> None:
    steps = pd.DataFrame(
        {
            "label": ["fp32 → fp16", "128 → 48 tokens", "eager → compile"],
            "before": [400.0, 60.0, 20.0],
            "after": [60.0, 20.0, 22.0],
            "note": ["6.67×", "3.00×", "0.909×"],
        }
    )
    drawn = figures.waterfall(steps, x_label="Energy (mJ/example)", title="18.2× less energy")
    axes = drawn.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["baseline", *steps["label"], "recommended"]
    assert {t.get_text() for t in axes.texts} == {"6.67×", "3.00×", "0.909×", "400", "22"}
    assert axes.get_xscale() == "log"
    with pytest.raises(ValueError, match="no step"):
        figures.waterfall(steps.head(0), x_label="x", title="t")


@pytest.mark.parametrize("family", ["DejaVu Sans", "DejaVu Sans Mono"])
def test_no_text_leaves_the_picture_whatever_the_font(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(style.RC, "font.sans-serif", [family])
    steps = pd.DataFrame(
        {"label": ["eager → compile_cuda_graph"], "before": [400.0], "after": [60.0], "note": ["6.67×"]}
    )
    title = "42.7× less energy: precision 4.25×, padding 1.69×, backend 4.62×, batch size 1.28×"
    drawn = figures.waterfall(steps, x_label="Energy", title=title, subtitle=f"From {title}")
    texts = [*drawn.texts, *drawn.axes[0].get_yticklabels(), drawn.axes[0].xaxis.label]
    assert len(drawn.texts) == 2
    boxes = [text.get_window_extent() for text in texts]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= drawn.bbox.width
    heading, below, *_ = boxes
    assert drawn.bbox.height >= heading.y1 > heading.y0 > below.y1 > below.y0
    assert below.y0 > drawn.axes[0].get_window_extent().y1


def test_labels_name_padding_and_backend_where_they_are_not_the_baselines() -> None:
    table = configurations(precisions=("fp32",), depths=(12,), lengths=(48, 128))
    table.loc[table["max_seq_len"] == 48, "padding"] = "longest"
    frame = points(table, energy_quantity(table), score_quantity(table), ("max_seq_len", "padding"), baseline(table))
    assert frame["label"].tolist() == ["48 tok · longest", "128 tok"]


def panel_points(**values: object) -> pd.DataFrame:
    known = {"panel": "sst2", "x": 16.0, "y": 0.0, "y_low": None, "y_high": None, "series": "fp32", "circled": False}
    return pd.DataFrame([known | {"x": x, "panel": p} | values for p in ("sst2", "qqp") for x in (16.0, 128.0)])


def test_panels_share_their_axes_and_cut_deep_falls() -> None:
    points = panel_points()
    points["y"] = [-30.0, 0.0, -1.0, 0.0]
    figure = figures.panels(points, x_label="x", y_label="y", title="t", level=(-1.0, "here"), floor=-12)
    first, second = figure.axes
    assert [axes.get_title(loc="center") for axes in figure.axes] == ["sst2", "qqp"]
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim()[0] == -12
    assert first.get_xlim() == second.get_xlim()


def test_panels_name_the_measured_values_where_they_have_room() -> None:
    values = [16.0, 24, 32, 40, 48, 64, 96, 128]
    points = pd.concat([panel_points().iloc[:1].assign(x=x) for x in values])
    figure = figures.panels(points, x_label="x", y_label="y", title="t", share_x=False, ticks_at_points=True)
    (axes,) = figure.axes
    assert list(axes.get_xticks()) == values
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == "16"
    assert labels[-1] == "128"
    assert "" in labels


def test_a_forest_is_symmetric_about_no_difference() -> None:
    values = pd.DataFrame(
        {"label": ["a", "b"], "x": [1.0, -2.0], "low": [0.5, None], "high": [1.5, None], "series": "fp16"}
    )
    axes = figures.forest(values, x_label="x", title="t").axes[0]
    assert axes.get_xlim() == pytest.approx((-2.2, 2.2))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match="no value"):
        figures.forest(values.assign(x=None), x_label="x", title="t")
    with pytest.raises(ValueError, match="no point"):
        figures.panels(panel_points(y=None), x_label="x", y_label="y", title="t")
