"""The driver's row files: written whole, sealed, marked; what is said of trials whose processes died."""

import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray import tune

from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig
from tests.make.rows import row
from trainables.rows.columns import COLUMNS, TRACE
from trainables.rows.file import ROW_FILE, seal, unseal
from trainables.rows.folder import FINETUNE, MEASURE
from tuner.run import rows as rows_module
from tuner.run.causes import cause_of, lost_row
from tuner.run.rows import RowWriter

TRIAL = TrialConfig("sst2", "bert-base", 42, 128, 12, "fp32")
DIED = """Failure # 1 (occurred at 2026-11-24_12-07-03)
The actor died unexpectedly before finishing this task.
\tclass_name: MeasureTrainable
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker
unexpectedly exits with a connection error code 2. Some common causes include: (1) the process was killed by the OOM
killer due to high memory usage, (2) ray stop --force was called, or (3) the worker crashed unexpectedly due to SIGSEGV.
"""
RAISED = """Failure # 1 (occurred at 2026-11-24_12-06-53)
\x1b[36mray::MeasureTrainable.train()\x1b[39m (pid=20403, ip=127.0.0.1)
  File "measure.py", line 351, in step
    result = measure_trial(self.trial, self.worker, self.prune)
trainables.energy.meter.MeterError: NVML failed on GPU-test: GPU is lost
"""
IN_SETUP = """Failure # 1 (occurred at 2026-11-24_12-06-53)
The actor died because of an error raised in its creation task, ray::MeasureTrainable.__init__() (pid=1, ip=127.0.0.1)
  File "worker.py", line 90, in _open_meter
search_spaces.errors.UsageError: a card must have MIG disabled, but GPU-1 has MIG enabled; disable it
"""


def trial(tmp_path, error="", **job):
    error_file = tmp_path / "error.txt"
    error_file.write_text(error)
    resources = tune.PlacementGroupFactory([{"CPU": 2, "GPU": 1}])
    made = SimpleNamespace(
        config={"job": {"name": TRIAL.trial_id, "phase": MEASURE, **TRIAL.to_dict(), **job}},
        storage=SimpleNamespace(trial_dir_name=TRIAL.trial_id),
        error_file=str(error_file),
        placement_group_factory=resources,
    )
    made.update_resources = lambda new: setattr(made, "placement_group_factory", new)
    return made


def kept(folder):
    return unseal((folder / TRIAL.trial_id / ROW_FILE).read_text())


def test_a_row_is_kept_sealed_and_marked_and_rays_copy_is_small(tmp_path):
    told = []
    writer = RowWriter(tmp_path, {"resumed_anyway"}, told.append)
    result = row(energy=0.1, flags="power_capped") | {TRACE: "x" * 1000}
    writer.on_trial_result(trial(tmp_path), result)
    assert kept(tmp_path)["flags"] == "power_capped;resumed_anyway"
    assert kept(tmp_path)[TRACE] == "x" * 1000
    assert TRACE not in result
    assert result["flags"] == "power_capped;resumed_anyway"
    assert told == [tmp_path / TRIAL.trial_id / ROW_FILE]


def test_what_the_driver_alone_knows_is_in_measured_and_in_lost_rows(tmp_path):
    among = {"model_place": 1, "layers": 6}
    RowWriter(tmp_path / "measured").on_trial_result(trial(tmp_path, **among), row(energy=0.1))
    RowWriter(tmp_path / "lost").on_trial_error(trial(tmp_path, DIED, **among))
    for folder in ("measured", "lost"):
        assert among.items() <= kept(tmp_path / folder).items()
    RowWriter(tmp_path).on_trial_result(trial(tmp_path), row(energy=0.1))
    assert kept(tmp_path)["layers"] is None, "of one model alone"


def test_results_of_a_fine_tuning_are_no_rows(tmp_path):
    RowWriter(tmp_path / "run").on_trial_result(trial(tmp_path, phase=FINETUNE), {"train_loss": 0.1, "epoch": 1})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changed", ["", "{", '{"row": {}}', '{"row": {"a": 1}, "sha256": "0"}', "[]", "null"])
def test_what_is_no_sealed_row_is_refused(changed):
    with pytest.raises(ValueError, match="row file"):
        unseal(changed)


def test_every_single_changed_byte_is_found():
    text = seal(row(energy=0.1))
    assert unseal(text)["energy_j_per_example"] == 0.1
    for i in range(0, len(text), 7):
        if text[i] in " \n":
            continue  # JSON does not mind how it is spaced
        changed = text[:i] + ("1" if text[i] != "1" else "2") + text[i + 1 :]
        with pytest.raises(ValueError, match="row file"):
            unseal(changed)


def test_numpy_values_and_nan_survive_the_seal():
    import numpy as np

    back = unseal(seal({"a": np.float32(0.5), "b": np.array([1, 2]), "c": float("nan"), "d": np.int64(3)}))
    assert (back["a"], back["b"], back["d"]) == (0.5, [1, 2], 3)
    assert back["c"] != back["c"]


def test_what_tune_keeps_of_every_number_goes_with_the_trial_but_for_objectives(tmp_path):
    from ray.tune.trainable.metadata import _TrainingRunMetadata

    done = trial(tmp_path)
    done.run_metadata = _TrainingRunMetadata(n_steps=(5, 10))
    for name, value in (("accuracy", 0.9), ("windows", 5)):
        done.run_metadata.update_metric(name, value)
    RowWriter(tmp_path).on_trial_complete(done)
    assert done.run_metadata.metric_n_steps == {}
    assert set(done.run_metadata.metric_analysis) == {"accuracy"}
    assert "windows" not in done.run_metadata.get_json_state()
    RowWriter(tmp_path).on_trial_complete(trial(tmp_path))  # another version of Tune may keep none


def test_a_trial_that_is_tried_again_asks_for_a_process_of_its_own(tmp_path, capsys):
    writer, tried = RowWriter(tmp_path), trial(tmp_path, DIED)
    before = tried.placement_group_factory
    writer.on_trial_recover(tried)
    assert tried.config["job"]["attempt"] == 2
    assert tried.placement_group_factory != before, "Tune would hand it a process that served other trials"
    assert tried.placement_group_factory.bundles == before.bundles
    assert "tried again in a fresh process: the trial's process died" in capsys.readouterr().out
    writer.on_trial_result(tried, row(energy=0.1))
    assert kept(tmp_path)["tried_again_after"].startswith("the trial's process died")


def test_a_trial_that_is_given_up_has_a_row_that_says_why(tmp_path):
    writer = RowWriter(tmp_path, {"resumed_anyway"})
    writer.on_trial_error(trial(tmp_path, DIED * 2))
    lost = kept(tmp_path)
    assert set(lost) == set(COLUMNS)
    assert (lost["trial_id"], lost["status"], lost["flags"]) == (TRIAL.trial_id, "failed", "resumed_anyway")
    assert lost["error"].startswith("the trial's process died: killed from outside")
    assert writer.lost == {TRIAL.trial_id: lost["error"].removesuffix(" (tried twice)")}


def test_causes_are_one_line():
    assert cause_of(RAISED) == "trainables.energy.meter.MeterError: NVML failed on GPU-test: GPU is lost"
    assert cause_of(DIED + RAISED) == cause_of(RAISED), "the last attempt counts"
    assert cause_of("The actor died because its node has died. Node Id: 1") == "the node of the trial died"
    assert cause_of("") == "the trial's process died"
    memory = "Task was killed due to the node running low on memory."
    assert "the host ran out of memory" in cause_of(memory)
    assert lost_row(TRIAL.to_dict(), cause_of(memory))["status"] == "oom"
    assert lost_row(TRIAL.to_dict(), cause_of(DIED))["status"] == "failed"
    assert lost_row(TRIAL.to_dict(), "torch.OutOfMemoryError: CUDA out of memory")["status"] == "oom"


def test_a_users_mistake_that_only_workers_see_ends_the_experiment(tmp_path):
    writer = RowWriter(tmp_path)
    with pytest.raises(UsageError, match="a card must have MIG disabled"):
        writer.on_trial_recover(trial(tmp_path, IN_SETUP))
    assert isinstance(writer.fatal, UsageError)


def test_a_full_disk_that_a_worker_found_ends_the_experiment(tmp_path):
    writer = RowWriter(tmp_path)
    full = "Failure # 1\nOSError: [Errno 28] No space left on device: 'model.safetensors'\n"
    with pytest.raises(OSError, match="No space left"):
        writer.on_trial_recover(trial(tmp_path, full))
    assert writer.fatal.errno == errno.ENOSPC


def test_a_full_disk_ends_the_experiment_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(file: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rows_module, "write_atomically", full)
    writer = RowWriter(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        writer.on_trial_result(trial(tmp_path), row())
    assert isinstance(writer.fatal, OSError)
    assert list((tmp_path / TRIAL.trial_id).iterdir()) == []


def test_a_row_file_is_json_that_anyone_can_read(tmp_path):
    RowWriter(tmp_path).on_trial_result(trial(tmp_path), row(energy=0.25))
    file = json.loads((tmp_path / TRIAL.trial_id / ROW_FILE).read_text())
    assert file["row"]["energy_j_per_example"] == 0.25
    assert len(file["sha256"]) == 64
