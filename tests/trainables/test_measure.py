"""The measuring trial on the demo task: the row's arithmetic, its nulls, its flags, and failures as rows."""

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch

from search_spaces.sweep_config import Measuring
from search_spaces.trial_config import TrialConfig
from tests.make.meter import ConstantMeter
from trainables import measure as measure_module
from trainables import worker as bench_module
from trainables.energy.meter import MeterError
from trainables.energy.trace import Trace, window_energies
from trainables.measure import MeasureTrainable, failed_row, measure_trial, one_line
from trainables.model import loading
from trainables.model.flops import encoder_flop
from trainables.rows.columns import COLUMN_NAMES, WINDOW_COLUMNS
from trainables.tasks import get_task
from trainables.worker import Bench, MeasuringData, take

SETTINGS = Measuring(
    eval_examples=60, warmup_s=0.02, min_window_s=0.03, min_windows=3, min_total_s=0.1, max_measure_s=0.2
)
TRIAL = TrialConfig("demo", "demo-bert", 1, 24, 2, "fp32", batch_size=16)


@pytest.fixture(scope="module")
def parts():
    task = get_task("demo")
    examples = task.load("validation", None, SETTINGS.eval_examples)
    tokenized = task.tokenize(examples, loading.load_tokenizer("demo-bert"))
    files = loading.load_pretrained("demo-bert", task.head, ("negative", "positive"), seed=1)
    return MeasuringData("demo", tokenized, True, SETTINGS, 80), files


@pytest.fixture
def make_bench(parts, monkeypatch):
    def make(meter=None, **changes):
        monkeypatch.setattr(bench_module, "meter_of", lambda *a, **k: meter or ConstantMeter(10.0))
        monkeypatch.setattr(bench_module, "settled_idle_power_w", lambda meter: 4.0)
        return Bench(replace(parts[0], **changes), {1: lambda: parts[1]}, cpus=1)

    return make


def test_the_row_is_consistent_and_complete(make_bench):
    result = measure_trial(TRIAL, make_bench())
    assert set(COLUMN_NAMES) <= set(result)
    assert result["status"] == "ok"
    assert result["trial_id"] == TRIAL.trial_id
    table = np.array(result["window_table"])
    assert table.shape[1] == len(WINDOW_COLUMNS)
    examples = table[:, 2].sum() * result["examples_per_pass"]
    assert result["examples"] == result["examples_per_pass"] == 60
    assert result["energy_j_per_example"] == pytest.approx(10.0 * table[:, 1].sum() / examples, rel=1e-5)
    assert result["latency_ms_per_example"] == pytest.approx(1e3 * table[:, 1].sum() / examples)
    assert result["mean_power_w"] == pytest.approx(10.0, rel=1e-5)
    net = (10.0 - 4.0) * table[:, 1].sum() / examples
    assert result["net_energy_j_per_example"] == pytest.approx(net, rel=1e-4)
    assert result["energy_j_per_correct"] == pytest.approx(result["energy_j_per_example"] / result["accuracy"])
    assert result["tokens_per_example"] == 24
    assert 3 < result["real_tokens_per_example"] <= 24
    assert result["energy_source"] == "rapl"


def test_every_null_has_a_known_reason(make_bench):
    result = measure_trial(TRIAL, make_bench())
    nulls = {name for name in COLUMN_NAMES if result[name] is None} - {"error", "ray_device"}  # filled in by `step`
    reasons = dict(part.split(": ", 1) for part in result["null_reasons"].split(";"))
    assert set(reasons) == nulls
    assert "unknown" not in reasons.values()


def test_energy_can_be_computed_again_from_the_kept_trace(make_bench):
    result = measure_trial(TRIAL, make_bench())
    trace = Trace.from_parquet_bytes(base64.b64decode(result["trace"]))
    table = np.array(result["window_table"])
    edges = trace.time_s[0] + np.append(table[:, 0], table[-1, 0] + table[-1, 1])
    np.testing.assert_allclose(window_energies(trace, edges).energy_j, table[:, 3], rtol=1e-6)


def test_correct_bits_agree_with_accuracy(make_bench):
    result = measure_trial(TRIAL, make_bench())
    bits = np.unpackbits(np.frombuffer(base64.b64decode(result["correct_bits"]), dtype=np.uint8))[:60]
    assert bits.mean() == pytest.approx(result["accuracy"])


@pytest.mark.parametrize("padding", ["longest", "packed"])
def test_padding_changes_tokens_and_not_predictions(make_bench, padding):
    bench = make_bench()
    reference = measure_trial(TRIAL, bench)
    other = measure_trial(replace(TRIAL, padding=padding), bench)
    assert other["correct_bits"] == reference["correct_bits"]
    assert other["real_tokens_per_example"] == reference["real_tokens_per_example"]
    assert other["tokens_per_example"] < reference["tokens_per_example"]


def test_random_weights_have_no_accuracy(make_bench):
    result = measure_trial(TRIAL, make_bench(trained=False))
    assert result["accuracy"] is None
    assert result["energy_j_per_correct"] is None
    assert "accuracy: random weights" in result["null_reasons"]
    assert result["energy_j_per_example"] > 0


def test_an_energy_subset_is_fixed_and_stratified_and_leaves_accuracy_whole(make_bench):
    bench = make_bench(settings=replace(SETTINGS, energy_examples=15))
    result = measure_trial(TRIAL, bench)
    assert (result["examples"], result["examples_per_pass"]) == (60, 15)
    assert len(bench.subset()) == 15
    lengths = np.sort(bench.inputs(80).ids.lengths)
    chosen = np.sort(bench.inputs(80).ids.lengths[bench.subset()])
    assert (chosen[0], chosen[-1]) == (lengths[0], lengths[-1])
    assert chosen.mean() == pytest.approx(lengths.mean(), rel=0.1)
    assert result["accuracy"] == measure_trial(TRIAL, make_bench())["accuracy"]


def test_a_foreign_process_flags_the_row(make_bench):
    meter = ConstantMeter()
    meter.foreign = True
    assert "foreign_process" in measure_trial(TRIAL, make_bench(meter))["flags"].split(";")


def test_a_sensor_lost_mid_trial_is_a_failed_row_and_the_next_trial_goes_on(make_bench):
    meter = ConstantMeter(reads_before_failure=20)
    trainable = MeasureTrainable.__new__(MeasureTrainable)
    trainable.bench, trainable.trial, trainable.prune = make_bench(meter), TRIAL, None
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


def test_memory_is_asked_for_again_in_a_fresh_process_and_only_then(make_bench, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(measure_module, "measure_trial", full)
    trainable = MeasureTrainable.__new__(MeasureTrainable)
    trainable.bench, trainable.trial, trainable.prune = make_bench(), TRIAL, None
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


def test_what_a_compilers_subprocess_raised_is_in_the_row():
    text = (
        "SubprocException: An exception occurred in a subprocess:\n\nTraceback (most recent call last):\n"
        '  File "compile_worker.py", line 1, in do_job\ntriton.CompilationError: at 33:4:\n    for i in x:\n    ^\n'
        "AssertionError('variable largest has another type')\n\nSet TORCHDYNAMO_VERBOSE=1 for the stack trace\n"
    )
    assert one_line(RuntimeError(text)) == (
        "SubprocException: An exception occurred in a subprocess: AssertionError('variable largest has another type')"
    )
    assert one_line(RuntimeError("first\nValueError: second")) == "first"
    assert one_line(RuntimeError()) == ""


def test_flop_of_bert_base_worked_by_hand():
    # 12 layers x (24 s h^2 + 4 s^2 h), s = 48, h = 768: 8.24 GFLOP
    assert encoder_flop(np.array([48]), 12, 768, 3072) == 12 * (24 * 48 * 768**2 + 4 * 48**2 * 768)
    assert encoder_flop(np.array([48]), 12, 768, 3072) == pytest.approx(8.24e9, rel=1e-3)
    assert encoder_flop(np.array([10, 20]), 1, 4, 8) == (8 * 16 + 4 * 4 * 8) * 30 + 4 * 4 * (100 + 400)


def test_taking_inputs_keeps_order_and_examples(make_bench):
    inputs = make_bench().inputs(24)
    few = take(inputs, np.array([5, 2]))
    assert few.ids[0].tolist() == inputs.ids[5].tolist()
    assert few.ids[1].tolist() == inputs.ids[2].tolist()
    assert few.example.tolist() == [5, 2]
