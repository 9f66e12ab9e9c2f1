"""The arithmetic of benchmarks.checks.sweep_overhead: what lies between windows, per trial."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.checks.sweep_overhead.run import fresh_overheads, overheads, summary


def rows(starts, worker="w", trial_s=8.0):
    n = len(starts)
    return pd.DataFrame(
        {
            "worker": worker,
            "backend": ["eager", "cuda_graph"] * (n // 2) + ["eager"] * (n % 2),
            "started_at": starts,
            "warmup_s": 2.0,
            "total_s": 5.0,
            "setup_s": 0.25,
            "backend_setup_s": 0.05,
            "trial_s": trial_s,
        }
    )


def test_overhead_is_the_gap_between_starts_less_warm_up_and_windows():
    table = overheads(rows([100.0, 108.5, 117.5]))
    assert table["overhead_s"].tolist() == pytest.approx([1.5, 2.0])
    assert table["setup_s"].tolist() == [0.25, 0.25]
    assert table["after_s"].tolist() == pytest.approx([0.75, 0.75])
    assert table["between_s"].tolist() == pytest.approx([0.5, 1.0])


def test_workers_are_not_mixed():
    two = pd.concat([rows([0.0, 9.0], "a"), rows([1.0, 11.0], "b")])
    assert sorted(overheads(two)["overhead_s"]) == pytest.approx([2.0, 3.0])


def test_trials_with_an_anchor_are_out_of_the_median_and_in_the_mean():
    table = rows(np.arange(0.0, 81.0, 8.0).tolist(), trial_s=7.6)
    table.loc[5, "trial_s"] = 12.6
    table.loc[6:, "started_at"] += 5.0
    found = summary(overheads(table))
    assert found["trials"] == 10
    assert found["median_s"] == pytest.approx(1.0)
    assert found["mean_with_anchors_s"] == pytest.approx(1.5)
    assert sum(m["trials"] for m in found["by_backend"].values()) == 9


def test_fresh_processes_count_the_start_of_the_next():
    table = rows([0.0, 20.0, 41.0])
    table["worker"] = ["a", "b", "c"]
    assert fresh_overheads(table).tolist() == pytest.approx([13.0, 14.0])
