import numpy as np
import pytest
from scipy.special import stdtrit

import analysis
from analysis.findings.configurations import comparable_groups, configurations, usable, valid
from analysis.statistics.intervals import ratio
from tests.make.rows import frame, row


def test_what_is_excluded_and_why():
    rows = frame(
        [
            row(16),
            row(24, status="oom", energy=None, error="OutOfMemoryError: 80 GiB"),
            row(32, flags="short_window;power_capped"),
            row(40, energy=None),
            row(48, flags="power_capped"),
            row(64, energy_source="estimate", flags="estimated"),
        ]
    )
    clean, excluded = valid(rows)
    assert list(clean["max_seq_len"]) == [16, 48]
    assert list(excluded["reason"]) == [
        "oom: OutOfMemoryError: 80 GiB",
        "flag short_window",
        "no energy",
        "estimated energy, beside measured rows",
    ]


def test_estimates_are_kept_where_nothing_was_measured():
    clean, excluded = valid(frame([row(16, energy_source="estimate", flags="estimated")]))
    assert len(clean) == 1
    assert excluded.empty
    assert configurations(clean)["estimated"].all()


def test_replicates_give_the_headline_interval():
    energies = [0.10, 0.11, 0.12]
    table = configurations(frame([row(replicate=i, energy=e) for i, e in enumerate(energies)]))
    assert len(table) == 1
    one = table.iloc[0]
    assert one["energy_j_per_example"] == pytest.approx(0.11)
    half = stdtrit(one["energy_freedom"], 0.975) * one["energy_trial_relative_sd"] * 0.11 / 3**0.5
    assert one["energy_j_per_example_ci95"] == pytest.approx(half, rel=1e-9)
    assert one["interval_kind"] == "replicates"
    assert one["n_trials"] == 3
    assert one["energy_relative_sd"] == pytest.approx(0.01 / 0.11)


def test_a_lone_trial_falls_back_on_its_windows_and_says_so():
    one = configurations(frame([row(energy=0.1)])).iloc[0]
    assert one["interval_kind"] == "within trial"
    assert one["energy_j_per_example_ci95"] == pytest.approx(1.959964 * 0.003 * 0.1)  # nothing repeats within 0.3 %
    wide = configurations(frame([row(energy=0.1, energy_j_per_example_ci95=0.01)])).iloc[0]
    assert wide["energy_j_per_example_ci95"] == pytest.approx(0.01)
    none = configurations(frame([row(energy=0.1, energy_j_per_example_ci95=None)])).iloc[0]
    assert none["interval_kind"] == "none"
    assert np.isnan(none["energy_j_per_example_ci95"])


def test_accuracy_spread_between_and_within_seeds():
    """Seed means 0.90 and 0.94: sd 0.0283 between. Replicates 0.89/0.91 and 0.93/0.95: 0.0141 within."""
    rows = [
        row(seed=seed, replicate=r, accuracy=value)
        for seed, values in ((1, (0.89, 0.91)), (2, (0.93, 0.95)))
        for r, value in enumerate(values)
    ]
    one = configurations(frame(rows)).iloc[0]
    assert one["n_seeds"] == 2
    assert one["accuracy"] == pytest.approx(0.92)
    assert one["accuracy_between_seed_sd"] == pytest.approx(0.04 / 2**0.5)
    assert one["accuracy_within_seed_sd"] == pytest.approx(0.02 / 2**0.5)
    assert one["energy_j_per_correct"] == pytest.approx(0.1 / 0.92)


def test_cards_sensors_and_sweeps_are_not_averaged():
    rows = frame([row(), row(gpu_name="L4", replicate=1), row(energy_source="nvml_power", replicate=2)])
    assert len(configurations(rows)) == 3
    published = analysis.load("analysis/data/l4_published.csv")
    assert len(configurations(published)) == 64
    assert len(comparable_groups(published)) == 8  # two tasks, four sweeps


def test_labels_name_what_differs():
    table = configurations(frame([row(48, precision="fp16"), row(64, backend="cuda_graph")]))
    assert list(table["configuration"]) == ["fp16, 48 tokens, eager", "fp32, 64 tokens, cuda_graph"]


def test_flags_of_replicates_are_joined():
    table = configurations(
        frame([row(flags="power_capped"), row(replicate=1, flags="temperature_drift;power_capped"), row(replicate=2)])
    )
    assert table["flags"][0] == "power_capped;temperature_drift"


def test_a_ratio_has_the_interval_of_both():
    rows = [
        row(length, replicate=r, energy=e)
        for length, e0 in ((16, 1.0), (32, 2.0))
        for r, e in enumerate((0.99 * e0, 1.01 * e0))
    ]
    table = configurations(frame(rows))
    np.testing.assert_allclose(table["energy_relative_sd"], 0.02 / 2**0.5)
    relative = table["energy_j_per_example_ci95"] / table["energy_j_per_example"]
    found = ratio(table.iloc[1], table.iloc[0])
    assert found.value == pytest.approx(2.0)
    assert found.kind == "replicates"
    assert np.log(found.high / found.value) == pytest.approx(np.hypot(*relative))


def test_twins_at_one_power_share_their_spread():
    """Alone, two trials would differ tenfold in width by chance. Coverage: see test_between_trials.py."""
    energy = 0.1 * (1 + 0.02 * np.random.default_rng(1).standard_normal((6, 2)))
    rows = [row(16 + i, replicate=r, energy=energy[i, r]) for i in range(6) for r in range(2)]
    table = configurations(frame(rows))
    relative = table["energy_j_per_example_ci95"] / table["energy_j_per_example"]
    assert relative.max() < 2 * relative.min()
    assert table["energy_relative_sd"].max() > 5 * table["energy_relative_sd"].min()


def test_what_draws_less_is_known_less():
    rows = [row(64, replicate=r, energy=e, mean_power_w=600.0) for r, e in enumerate((0.398, 0.402))]
    rows += [row(16, energy=0.1, mean_power_w=150.0), row(24, energy=0.1, mean_power_w=600.0)]
    table = configurations(frame(rows)).set_index("max_seq_len")
    relative = table["energy_j_per_example_ci95"] / table["energy_j_per_example"]
    assert relative[16] > 5 * relative[24] > 5 * relative[64]


def test_a_configuration_measured_once_does_not_say_how_its_trials_differ():
    rows = [row(16, replicate=r, energy=e) for r, e in enumerate((0.99, 1.01))] + [row(32, energy=2.0)]
    table = configurations(frame(rows)).set_index("max_seq_len")
    assert dict(table["interval_kind"]) == {16: "replicates", 32: "replicates of others"}
    assert ratio(table.loc[16], table.loc[32]).kind == "replicates of others"


def test_spreads_of_different_cards_are_not_pooled():
    rows = [row(16, replicate=r, energy=e) for r, e in enumerate((0.99, 1.01))]
    rows += [row(32, energy=2.0, gpu_name="L4")]
    table = configurations(frame(rows)).set_index("max_seq_len")
    assert table.loc[32, "interval_kind"] == "within trial"


def test_a_flag_of_another_spelling_or_version_keeps_its_row_out():
    rows = frame(
        [
            row(16),
            row(24, flags="Short_Window"),
            row(32, flags="estimated, hw-slowdown"),
            row(40, flags="of_later;power_capped"),
            row(48, flags="power capped"),
        ]
    )
    kept, excluded = valid(rows)
    assert list(kept["max_seq_len"]) == [16, 48]
    assert list(kept["flags"]) == ["", "power_capped"]
    assert excluded["reason"].to_list() == [
        "flag short_window",
        "flag hw_slowdown; estimated energy, beside measured rows",
        "unknown flag of_later",
    ]


def test_no_rows_have_nothing_to_leave_out():
    kept, left_out = usable(frame([row()]).iloc[:0])
    assert len(kept) == len(left_out) == 0
