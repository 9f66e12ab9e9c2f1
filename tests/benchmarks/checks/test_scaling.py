"""The scaling check: rates, overlaps, and whose counter a row's joules came from."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.checks.scaling import SCALING
from benchmarks.checks.scaling import run as scaling
from search_spaces.errors import UsageError


def rows(starts, worker="a", card="GPU-0", device="n/0", trial_s=9.0, power_w=300.0):
    return pd.DataFrame(
        {
            "worker": worker,
            "gpu_uuid": card,
            "ray_device": device,
            "started_at": starts,
            "trial_s": trial_s,
            "total_s": 5.0,
            "mean_power_w": power_w,
        }
    )


def counters(**watts):
    time_s = np.arange(0.0, 60.0, 0.1)
    return pd.concat(
        [
            pd.DataFrame({"time_s": time_s, "gpu_uuid": uuid.replace("_", "-"), "energy_j": w * time_s})
            for uuid, w in watts.items()
        ]
    )


def test_two_workers_side_by_side_double_the_rate():
    one = scaling.rates(rows([0.0, 10.0, 20.0, 30.0]))
    assert one["measuring_s"] == pytest.approx(39.0)
    assert one["trials_per_min"] == pytest.approx(60 * 4 / 39)
    assert one["steady_trials_per_min"] == pytest.approx(6.0)
    two = scaling.rates(pd.concat([rows([0.0, 10.0, 20.0, 30.0]), rows([0.0, 10.0, 20.0, 30.0], "b")]))
    assert two["trials_per_min"] == pytest.approx(2 * one["trials_per_min"])
    assert two["steady_trials_per_min"] == pytest.approx(12.0)


def test_trials_of_one_device_that_overlap_are_counted_and_those_of_two_are_not():
    apart = pd.concat([rows([0.0, 10.0]), rows([1.0, 11.0], "b", "GPU-1", "n/1")])
    assert scaling.overlaps(apart, "gpu_uuid") == 0
    assert scaling.overlaps(apart.assign(gpu_uuid="GPU-0"), "gpu_uuid") == 2
    assert scaling.overlaps(rows([0.0, 8.9, 20.0]), "ray_device") == 1


def test_a_row_is_found_on_the_counter_of_its_card_and_not_on_its_neighbours():
    seen = scaling.power_seen(rows([0.0, 10.0]), counters(GPU_0=300.0, GPU_1=100.0))
    assert seen["own"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert seen["other"].tolist() == pytest.approx([2.0, 2.0])
    wrong = scaling.power_seen(rows([0.0], card="GPU-1"), counters(GPU_0=300.0, GPU_1=100.0))
    assert wrong["own"].tolist() == pytest.approx([2.0])
    unknown = scaling.power_seen(rows([0.0], card="GPU-9"), counters(GPU_0=300.0))
    assert unknown["own"].isna().all()


def run_of(gpus, trials_per_min, **changes):
    return {
        "gpus": gpus,
        "trials_per_min": trials_per_min,
        "overlaps": 0,
        "devices": gpus,
        "device_and_card": gpus,
        "own_card": {"within_tolerance": 1.0},
    } | changes


def missed(*runs):
    return [bar.name for bar in scaling.bars(runs) if not bar.met]


def test_the_bars_of_a_good_run_are_met():
    assert missed(run_of(1, 6.0), run_of(2, 10.8), run_of(4, 21.6)) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"trials_per_min": 10.7}, "trials per minute, 2 GPUs over one"),
        ({"overlaps": 1}, "trials at once on one GPU, 2 GPUs"),
        ({"devices": 1, "device_and_card": 1}, "devices that measured, 2 GPUs"),
        ({"device_and_card": 3}, "cards per device, 2 GPUs"),
        ({"own_card": {"within_tolerance": 0.9}}, "rows whose card's counter agrees, 2 GPUs"),
        ({"own_card": {}}, "rows whose card's counter agrees, 2 GPUs"),
    ],
)
def test_each_fault_misses_its_bar(changes, name):
    assert missed(run_of(1, 6.0), run_of(2, **{"trials_per_min": 12.0} | changes)) == [name]


def test_without_a_run_on_one_gpu_the_speed_up_is_not_met():
    assert missed(run_of(2, 12.0)) == ["trials per minute, 2 GPUs over one"]


def test_a_folder_without_runs_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="--gpus 1 2"):
        SCALING.main(["--output", str(tmp_path)])


def test_a_run_on_no_gpu_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--gpus must be 1 or more each, but got 0"):
        SCALING.main(["--output", str(tmp_path), "--gpus", "1", "0", "--", "--preset", "sst2"])


def test_what_follows_two_dashes_is_the_grids(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(scaling, "run_grid", lambda folder, gpus, options: given.append((folder.name, gpus, options)))
    with pytest.raises(UsageError, match="must hold runs"):  # none was made
        SCALING.main(["--output", str(tmp_path), "--gpus", "1", "2", "--", "--preset", "sst2", "--dry-run"])
    options = ("--preset", "sst2", "--dry-run")
    assert given == [("gpus-1", 1, options), ("gpus-2", 2, options)]
