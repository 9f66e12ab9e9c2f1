"""Configurations as points: the frontier, the labels, the roles."""

import numpy as np

from analysis.figures.points import POINT_COLUMNS, points
from analysis.words.quantities import energy_quantity, score_quantity
from tests.make.tables import baseline, configurations


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
    assert list(POINT_COLUMNS) == [c for c in frame.columns if c in POINT_COLUMNS]


def test_labels_name_padding_and_backend_where_they_are_not_the_baselines() -> None:
    table = configurations(precisions=("fp32",), depths=(12,), lengths=(48, 128))
    table.loc[table["max_seq_len"] == 48, "padding"] = "longest"
    frame = points(table, energy_quantity(table), score_quantity(table), ("max_seq_len", "padding"), baseline(table))
    assert frame["label"].tolist() == ["48 tok · longest", "128 tok"]
