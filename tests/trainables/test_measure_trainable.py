"""What Ray runs of a measuring trial: failures as rows, and what a fresh process is asked for."""

from dataclasses import replace

import pytest
import torch

from tests.make.meter import ConstantMeter
from tests.make.worker import TRIAL, make_worker
from trainables import measure_trainable as trainable_module
from trainables.energy.meter import MeterError
from trainables.measure_trainable import MeasureTrainable, failed_row


def test_a_sensor_lost_mid_trial_is_a_failed_row_and_the_next_trial_goes_on():
    meter = ConstantMeter(reads_before_failure=20)
    trainable = MeasureTrainable.__new__(MeasureTrainable)
    trainable.workers, trainable.trial, trainable.prune = {TRIAL.model: make_worker(meter)}, TRIAL, None
    with pytest.raises(MeterError, match="GPU is lost"):
        trainable.step()  # the process goes, and Tune tries again in another
    trainable.attempt = 2
    row = trainable.step()
    assert (row["status"], row["done"]) == ("failed", True)
    assert row["error"] == "MeterError: NVML failed on GPU-test: GPU is lost"
    assert row["energy_j_per_example"] is None
    meter.left = None
    assert trainable.reset_config({"job": replace(TRIAL, depth=1).to_dict()})
    assert trainable.step()["status"] == "ok"


def test_memory_is_asked_for_again_in_a_fresh_process_and_only_then(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainable_module, "measure_trial", full)
    trainable = MeasureTrainable.__new__(MeasureTrainable)
    trainable.workers, trainable.trial, trainable.prune = {TRIAL.model: make_worker()}, TRIAL, None
    assert trainable.step()["status"] == "oom", "a first trial has the process to itself"
    trainable.reset_config({"job": TRIAL.to_dict()})
    with pytest.raises(torch.OutOfMemoryError):
        trainable.step()
    trainable.reset_config({"job": TRIAL.to_dict() | {"attempt": 2}})
    assert trainable.step()["status"] == "oom"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), "oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), "oom"),
        (RuntimeError("CUDA error: out of memory"), "oom"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "failed"),
        (ValueError("out of memory"), "failed"),
    ],
)
def test_what_counts_as_out_of_memory(error, status):
    assert failed_row(TRIAL, error, None)["status"] == status


def test_out_of_memory_is_a_row_of_its_own_status():
    row = failed_row(TRIAL, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), None)
    assert row["status"] == "oom"
    assert row["error"] == "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
    assert row["max_seq_len"] == 24
