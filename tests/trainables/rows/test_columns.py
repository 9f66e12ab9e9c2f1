"""Columns: axes and scores have theirs without being entered again; an unknown one says what is known."""

from dataclasses import fields, replace

import pytest

from search_spaces.axes import AXES
from search_spaces.errors import UsageError
from search_spaces.objectives import OBJECTIVES, Objective
from search_spaces.sweep_config import Axes
from search_spaces.trial_config import TrialConfig
from trainables.rows.columns import COLUMNS, Column, NullContext, empty_row, null_reasons

MEASURED = NullContext("demo", trained=True, source="nvml_counter", pruned=False)


def test_axes_are_fields_of_both_configs_and_columns():
    weights_and_replicate = {"task", "model", "seed", "replicate", "purpose"}
    assert {f.name for f in fields(TrialConfig)} == set(AXES) | weights_and_replicate
    assert {f.name for f in fields(Axes)} | {"model"} == set(AXES)
    assert {f.name for f in fields(TrialConfig)} <= set(COLUMNS)
    for name, axis in AXES.items():
        column = COLUMNS[name]
        assert (column.kind, column.unit, column.meaning) == (axis.kind, axis.unit, axis.meaning)


def test_every_objective_is_a_column_of_its_own_words():
    for name, objective in OBJECTIVES.items():
        column = COLUMNS[name]
        assert (column.kind, column.unit, column.meaning) == ("float", objective.unit, objective.meaning)


def test_an_axis_or_score_that_is_entered_later_has_a_column_at_once():
    threads = replace(AXES["batch_size"], name="made_up_threads", unit="threads", meaning="made up")
    score = Objective("made_up_score", "made up, too", "fraction", "max", "made-up score", score=True)
    cost = Objective("made_up_cost", "no score", "J", "min", "made-up cost")
    try:
        AXES.add(threads)
        OBJECTIVES.add(score)
        OBJECTIVES.add(cost)
        assert COLUMNS["made_up_threads"] == Column("made_up_threads", "int", "threads", "made up", least=1)
        assert COLUMNS["made_up_score"].null_reason(MEASURED) == "not a metric of demo"
        assert "made_up_cost" not in COLUMNS, "what it is measured by must be written first"
        assert empty_row(made_up_score=0.5)["made_up_score"] == 0.5
    finally:
        for registry in (AXES, OBJECTIVES, COLUMNS):
            for name in [name for name in registry if name.startswith("made_up")]:
                del registry[name]


def test_an_unknown_column_says_what_is_known():
    with pytest.raises(
        UsageError,
        match=r"a column must be one of trial_id, task, .*, but got 'energie'; enter it in trainables/rows/columns",
    ):
        empty_row(energie=1.0)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("accuracy", {"trained": False}, "random weights"),
        ("f1", {}, "not a metric of demo"),
        ("energy_j_per_correct", {}, "no correct prediction"),
        ("energy_j_per_correct", {"pruned": True}, "pruned: see error"),
        ("energy_j_per_example", {}, "see error"),
        ("counter_power_residual", {}, "see error"),
        ("counter_power_residual", {"source": "rapl"}, "one source only"),
        ("idle_power_w", {"source": "estimate"}, "no sensor"),
        ("idle_power_w", {}, "no idle reading"),
        ("gpu_uuid", {}, "no GPU"),
        ("trial_id", {}, "unknown"),
    ],
)
def test_why_a_cell_is_empty(name, changes, reason):
    full = dict.fromkeys(COLUMNS, 0)
    assert null_reasons(full | {name: None}, replace(MEASURED, **changes)) == f"{name}: {reason}"


@pytest.mark.parametrize("name", ["error", "ray_device", "null_reasons"])
def test_some_nulls_need_no_reason(name):
    assert null_reasons(dict.fromkeys(COLUMNS, 0) | {name: None}, MEASURED) == ""


def test_what_a_pruned_row_must_not_hold():
    assert [name for name, column in COLUMNS.items() if column.in_full] == [
        "energy_j_per_example",
        "energy_j_per_example_ci95",
        "energy_j_per_correct",
        "net_energy_j_per_example",
        "idle_share",
        "counter_power_residual",
        "edge_error_j_per_example",
        "latency_ms_per_example",
        "mean_power_w",
    ]
