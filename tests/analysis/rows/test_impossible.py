"""Numbers that no measurement can give are refused by file, row and column; in a trial's own file, trial by trial."""

import numpy as np
import pandas as pd
import pytest

import analysis
from search_spaces.errors import UsageError
from tests.make.rows import row, write_trial
from trainables.rows.bits import encode_bits


def table(folder, **changes):
    """A table of three rows, of which the second is changed."""
    rows = [row(16), row(24) | changes, row(32)]
    file = folder / "rows.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("max_seq_len", -16, "a whole number of at least 1 (tokens)"),
        ("depth", 0, "a whole number of at least 1 (layers)"),
        ("batch_size", -1, "a whole number of at least 1"),
        ("replicate", -1, "a whole number of at least 0"),
        ("energy_j_per_example", 0.0, "a number above 0 (J/example)"),
        ("energy_j_per_example", -0.1, "a number above 0 (J/example)"),
        ("energy_j_per_example", float("inf"), "a number above 0 (J/example)"),
        ("energy_j_per_example_ci95", -0.001, "a number of at least 0 (J/example)"),
        ("energy_j_per_correct", 0, "a number above 0 (J/correct)"),
        ("latency_ms_per_example", -0.5, "a number above 0 (ms/example)"),
        ("latency_ms_per_example", 0, "a number above 0 (ms/example)"),
        ("mean_power_w", -300, "a number above 0 (W)"),
        ("idle_power_w", -1, "a number of at least 0 (W)"),
        ("peak_gpu_memory_mib", -1, "a number of at least 0 (MiB)"),
        ("temperature_start_c", -300, "a number of at least -273.15 (C)"),
        ("examples", 0, "a whole number of at least 1 (examples)"),
        ("examples_per_pass", 0, "a whole number of at least 1 (examples)"),
        ("windows", 0, "a whole number of at least 1"),
        ("window_s", -1, "a number above 0 (s)"),
        ("total_s", 0, "a number above 0 (s)"),
        ("tokens_per_example", -25, "a number above 0 (tokens)"),
        ("accuracy", 1.2, "a number between 0 and 1"),
        ("accuracy", -0.2, "a number between 0 and 1"),
        ("started_at", -5, "a number of at least 0 (s)"),
    ],
)
def test_an_impossible_number_is_refused_by_file_row_and_column(tmp_path, column, value, rule):
    with pytest.raises(UsageError) as refused:
        analysis.load(table(tmp_path, **{column: value}))
    assert str(refused.value).startswith(f"{column} must be {rule}")
    assert "but line 3 of rows.csv has" in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"net_energy_j_per_example": -0.001},  # the idle card took more than the loaded one, within the error
        {"counter_power_residual": -0.2},
        {"temperature_start_c": -10.0},
        {"seed": -1},
        {"accuracy": 0.917},  # 800 of 872, rounded
    ],
)
def test_what_is_odd_but_can_be_is_read(tmp_path, changes):
    assert len(analysis.load(table(tmp_path, **changes))) == 3


BITS = encode_bits(np.arange(872) < 800)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 0.95}, "accuracy must be that of correct_bits, 800 of 872, but is 0.95"),
        ({"examples": 1000, "accuracy": 0.8}, "correct_bits must hold 1000 examples, but hold 109 bytes"),
        ({"correct_bits": "not bits!"}, "correct_bits must be base64"),
        ({"correct_bits": BITS[:40]}, "correct_bits must hold 872 examples, but hold 30 bytes"),
        ({"correct_bits": encode_bits(np.zeros(872))}, "accuracy must be that of correct_bits, 0 of 872"),
    ],
)
def test_an_accuracy_that_contradicts_its_bits_is_refused(tmp_path, changes, message):
    with pytest.raises(UsageError, match=r"line 3 of rows\.csv") as refused:
        analysis.load(table(tmp_path, **changes))
    assert message in str(refused.value)


def test_bits_are_counted_over_the_examples_alone(tmp_path):
    """871 examples fill 109 bytes but one bit, whatever that says."""
    bits = np.ones(872, dtype=bool)
    assert len(analysis.load(table(tmp_path, correct_bits=encode_bits(bits), examples=871, accuracy=1.0))) == 3


@pytest.mark.parametrize(
    ("changes", "windows", "message"),
    [
        ({"latency_ms_per_example": -0.5}, None, "latency_ms_per_example must be a number above 0 (ms/example)"),
        ({"energy_j_per_example": 0.0}, None, "energy_j_per_example must be a number above 0 (J/example)"),
        ({"accuracy": 0.5}, None, "accuracy must be that of correct_bits"),
        ({}, [[0.0, -1.0, 2, 20.0, 19.0, 0.1]], "window_table must be lists of 6 numbers"),
    ],
)
def test_a_trial_with_an_impossible_number_is_not_measured_and_the_others_are(tmp_path, changes, windows, message):
    experiment = tmp_path / "ray/measure-0"
    write_trial(experiment, row(16))
    write_trial(experiment, row(24) | changes, windows=windows)
    rows = analysis.load(tmp_path)
    assert list(rows["max_seq_len"]) == [16]
    assert message in rows.attrs["notes"][0]
    assert "counts as not measured" in rows.attrs["notes"][0]


def test_a_kept_window_of_negative_duration_is_refused(tmp_path):
    pd.DataFrame([row(16)]).to_csv(tmp_path / "results.csv", index=False)
    window = {"trial_id": "a", "window": 0, "start_s": 0.0, "duration_s": -1.0, "passes": 2, "energy_j": 1.0}
    pd.DataFrame([window]).to_parquet(tmp_path / "windows.parquet")
    with pytest.raises(UsageError, match=r"duration_s must be a number above 0 \(s\), but row 0 of windows\.parquet"):
        analysis.load_windows(tmp_path)


@pytest.mark.parametrize("spelled", ["estimate", "Estimate", " ESTIMATE "])
def test_an_estimate_of_any_spelling_is_no_sensor(tmp_path, spelled):
    rows = analysis.load(table(tmp_path, energy_source=spelled))
    assert rows["energy_source"].to_list() == ["nvml_counter", "estimate", "nvml_counter"]
