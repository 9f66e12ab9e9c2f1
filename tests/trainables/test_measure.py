"""The measuring trial on the demo task: the row's arithmetic, its nulls and its flags."""

import base64
import os
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.sweep_config import MeasuringOptions
from search_spaces.trial_config import CONFIRM, SWEEP
from tests.make.meter import ConstantMeter
from tests.make.worker import IDLE_W, SETTINGS, TRIAL, make_worker
from trainables import measured
from trainables.energy.trace import Trace
from trainables.energy.windows import window_energies
from trainables.measure import measure_trial
from trainables.model.loading import load_tokenizer
from trainables.rows.check import problem_of
from trainables.rows.columns import COLUMNS, WINDOW_COLUMNS
from trainables.tasks import get_task
from trainables.tasks.base import Scores
from trainables.worker import FreshData


def test_the_row_is_consistent_and_complete():
    result = measure_trial(TRIAL, make_worker())
    assert set(COLUMNS) <= set(result)
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
    assert result["idle_share"] == pytest.approx(IDLE_W / 10.0, rel=1e-4)
    cores = os.cpu_count() or 1
    assert 0 < result["host_cpu_s_per_example"] <= 1.1 * cores * table[:, 1].sum() / examples
    assert result["host_energy_j_per_example_estimate"] is None
    assert "host_energy_j_per_example_estimate: the processor is what is metered" in result["null_reasons"]
    assert result["tokens_per_example"] == 24
    assert 3 < result["real_tokens_per_example"] <= 24
    assert result["energy_source"] == "rapl"


def test_a_fresh_trial_answers_the_fresh_examples_too_and_no_other_does():
    task = get_task("demo")
    fresh = task.load("validation", None, None).take(range(100, 123))
    tokens = task.tokenize(fresh, load_tokenizer("demo-bert"))
    worker = make_worker(fresh=FreshData(tokens, 23, "d1"))
    swept, confirming = (measure_trial(replace(TRIAL, purpose=p), worker) for p in (SWEEP, CONFIRM))
    named = ("fresh_correct_bits", "fresh_examples", "fresh_data_digest")
    assert [swept[name] for name in named] == [None, None, None]
    assert (confirming["fresh_examples"], confirming["fresh_data_digest"]) == (23, "d1")
    alone = measure_trial(replace(TRIAL, purpose=SWEEP), make_worker(validation=tokens))
    assert confirming["fresh_correct_bits"] == alone["correct_bits"]
    assert confirming["correct_bits"] == swept["correct_bits"]
    assert problem_of(confirming) == ""
    assert problem_of(confirming | {"fresh_correct_bits": "AA=="}).startswith(
        "fresh_correct_bits must hold 23 examples"
    )


def test_every_null_has_a_known_reason():
    result = measure_trial(TRIAL, make_worker())
    nulls = {name for name in COLUMNS if result[name] is None} - {"error", "ray_device"}  # filled in by `step`
    nulls -= {name for name in COLUMNS if name.startswith("fresh_")}  # of fresh trials with --confirm-data
    nulls -= {name for name, column in COLUMNS.items() if column.rare}  # of sweeps over several models
    reasons = dict(part.split(": ", 1) for part in result["null_reasons"].split(";"))
    assert set(reasons) == nulls
    assert "unknown" not in reasons.values()


def test_energy_can_be_computed_again_from_the_kept_trace():
    result = measure_trial(TRIAL, make_worker())
    trace = Trace.from_parquet_bytes(base64.b64decode(result["trace"]))
    table = np.array(result["window_table"])
    edges = trace.time_s[0] + np.append(table[:, 0], table[-1, 0] + table[-1, 1])
    np.testing.assert_allclose(window_energies(trace, edges).energy_j, table[:, 3], rtol=1e-6)


def test_correct_bits_agree_with_accuracy():
    result = measure_trial(TRIAL, make_worker())
    bits = np.unpackbits(np.frombuffer(base64.b64decode(result["correct_bits"]), dtype=np.uint8))[:60]
    assert bits.mean() == pytest.approx(result["accuracy"])


@pytest.mark.parametrize("padding", ["longest", "packed"])
def test_padding_changes_tokens_and_not_predictions(padding):
    worker = make_worker()
    reference = measure_trial(TRIAL, worker)
    other = measure_trial(replace(TRIAL, padding=padding), worker)
    assert other["correct_bits"] == reference["correct_bits"]
    assert other["real_tokens_per_example"] == reference["real_tokens_per_example"]
    assert other["tokens_per_example"] < reference["tokens_per_example"]


def test_random_weights_have_no_accuracy():
    result = measure_trial(TRIAL, make_worker(trained=False))
    assert result["accuracy"] is None
    assert result["energy_j_per_correct"] is None
    assert "accuracy: random weights" in result["null_reasons"]
    assert result["energy_j_per_example"] > 0


def test_an_energy_subset_is_fixed_and_stratified_and_leaves_accuracy_whole():
    worker = make_worker(settings=replace(SETTINGS, energy_examples=15))
    result = measure_trial(TRIAL, worker)
    assert (result["examples"], result["examples_per_pass"]) == (60, 15)
    assert len(worker.subset()) == 15
    lengths = np.sort(worker.inputs(80).ids.lengths)
    chosen = np.sort(worker.inputs(80).ids.lengths[worker.subset()])
    assert (chosen[0], chosen[-1]) == (lengths[0], lengths[-1])
    assert chosen.mean() == pytest.approx(lengths.mean(), rel=0.1)
    assert result["accuracy"] == measure_trial(TRIAL, make_worker())["accuracy"]


def test_a_foreign_process_flags_the_row():
    meter = ConstantMeter()
    meter.foreign = True
    assert "foreign_process" in measure_trial(TRIAL, make_worker(meter))["flags"].split(";")


def test_the_windows_are_those_of_the_sensor_and_not_of_the_preset():
    """A demo preset's options on a meter that senses, and on one that estimates."""
    sensed, assumed = ConstantMeter(), ConstantMeter()
    assumed.source = "estimate"
    options = MeasuringOptions(short_estimates=True, eval_examples=60)
    assert make_worker(sensed, options).settings.min_window_s == 1.0
    assert make_worker(assumed, options).settings.min_window_s == 0.1
    given = replace(options, min_window_s=0.05)
    assert [make_worker(m, given).settings.min_window_s for m in (sensed, assumed)] == [0.05, 0.05]


@pytest.mark.parametrize(("right", "flagged"), [(40, True), (58, False), (60, False), (80, False)])
def test_answers_worse_than_the_commonest_class_are_flagged(monkeypatch, right, flagged):
    """60 of 100 examples are of one class: 40 right are below it, 58 may be by chance."""
    correct = np.arange(100) < right
    scores = Scores({"accuracy": right / 100}, correct, majority=0.6)
    monkeypatch.setattr(type(make_worker().task), "score", lambda *_: scores)
    worker = make_worker()
    assert ("below_majority" in measure_trial(TRIAL, worker)["flags"]) == flagged
    worker.data = replace(worker.data, trained=False)
    assert "below_majority" not in measure_trial(TRIAL, worker)["flags"]


def test_the_share_of_the_commonest_class_is_of_the_examples_scored():
    worker = make_worker()
    labels = worker.data.validation.labels
    inputs = worker.inputs(16)
    scores = worker.task.score(np.zeros((len(labels), 2)), worker.data.validation, inputs)
    assert scores.majority == max((labels == 0).mean(), (labels == 1).mean())


def test_host_joules_are_an_estimate_of_their_own(monkeypatch):
    """On a GPU: 12 W of a core for what the process and the tokenizer took, in no other column."""
    worker = make_worker(tokenising_cpu_s=0.002)
    alone = measure_trial(TRIAL, worker)
    monkeypatch.setattr(measured, "_on_cpu", lambda worker: False)
    row = measure_trial(TRIAL, worker)
    both_s = row["host_cpu_s_per_example"] + 0.002
    assert row["host_energy_j_per_example_estimate"] == pytest.approx(12 * both_s)
    assert row["tokenising_cpu_s_per_example"] == 0.002
    assert row["energy_j_per_example"] == pytest.approx(10e-3 * row["latency_ms_per_example"], rel=1e-4)
    assert alone["host_energy_j_per_example_estimate"] is None
