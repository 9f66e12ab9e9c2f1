"""A measuring process with two models: each its own weights and tokens, one meter, one anchor, the same examples."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.make.demo_models import letters_model
from tests.make.worker import SETTINGS, TRIAL, make_worker
from trainables.host_memory import free_memory_bytes
from trainables.measure import measure_trial
from trainables.model import loading
from trainables.rows.bits import decode_bits
from trainables.rows.digests import Digests
from trainables.tasks import get_task
from trainables.worker import MeasuringData


@pytest.fixture
def both(tmp_path):
    """(worker of the demo's model, that of a model of letters, labels of the examples)."""
    task = get_task("demo")
    examples = task.load("validation", None, SETTINGS.eval_examples)
    folder = letters_model(tmp_path / "letters")
    tokens = task.tokenize(examples, loading.load_tokenizer(str(folder)))
    files = loading.load_pretrained(str(folder), task.head, task.label_names(examples), seed=1)
    files.weights["classifier.bias"] = np.array([9.0, -9.0], dtype=np.float32)  # it always says 0
    settings = replace(SETTINGS, energy_examples=20)
    digests = {1: Digests("others", "recipe", "data")}
    data = MeasuringData("demo", tokens, True, settings, 40, digests, one_of_several=True)
    first = make_worker(settings=settings)
    return first, first.beside("demo-bert", data, {1: lambda: files}), examples.labels


def test_each_is_measured_with_its_own_weights_on_the_same_examples_in_their_order(both):
    first, second, labels = both
    rows = {}
    for worker, trial in ((first, TRIAL), (second, replace(TRIAL, model="letters", padding="longest"))):
        rows[trial.model] = measure_trial(trial, worker)
    letters = rows["letters"]
    assert (letters["status"], letters["weights_digest"]) == ("ok", "others")
    assert rows["demo-bert"]["weights_digest"] == "weights"
    assert letters["real_tokens_per_example"] > rows["demo-bert"]["real_tokens_per_example"], "letters, not words"
    right = decode_bits(letters["correct_bits"], len(labels))
    assert right.tolist() == (labels == 0).tolist(), "by example, whatever the order of the batches was"
    # two layers, 32 wide with 64 in between, padded to 24 tokens: 2 (24 s h^2 - with i = 2 h 16 s h^2 - + 4 s^2 h)
    rows["padded"] = measure_trial(replace(TRIAL, model="letters", padding="max_length"), second)
    assert rows["padded"]["gflop_per_example"] == pytest.approx(2 * (16 * 24 * 32**2 + 4 * 24**2 * 32) * 1e-9)
    assert letters["gflop_per_example"] <= rows["padded"]["gflop_per_example"]
    assert rows["demo-bert"]["gflop_per_example"] is None, "of one model alone nobody asks"
    assert first.subset() is second.subset(), "an energy pass is over the same examples"
    assert letters["examples_per_pass"] == rows["demo-bert"]["examples_per_pass"] == 20


def test_weights_stay_and_the_meter_is_one(both):
    first, second, _ = both
    one, other = first.master(1), second.master(1)
    assert first.master(1) is one
    assert second.master(1) is other
    assert one.config.hidden_size != other.config.hidden_size
    assert first.meter is second.meter
    assert second.idle_power_w == first.idle_power_w


def test_the_anchor_is_on_the_first_model_and_counted_over_all(both, monkeypatch):
    first, second, _ = both
    for worker in (first, second):
        worker.device = SimpleNamespace(type="cuda")
    monkeypatch.setattr(type(first), "anchor", lambda self, seed: {"of": self.data.max_positions, "worker": self.name})
    assert second.due_anchor(1) == {"of": 80, "worker": first.name, "model": "demo-bert"}
    due = [worker.due_anchor(1) for _ in range(8) for worker in (first, second)]
    assert due[:15] == [None] * 15
    assert due[15] is not None, "sixteen trials of either"


def test_free_memory_is_the_least_of_system_and_group(tmp_path):
    assert free_memory_bytes(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 4000 kB\n")
    assert free_memory_bytes(tmp_path) == 4000 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    for name, text in (("memory.max", "3000000"), ("memory.current", "2500000"), ("memory.stat", "anon 1\nfile 700\n")):
        (group / name).write_text(text)
    assert free_memory_bytes(tmp_path) == 500_700
    (group / "memory.max").write_text("max\n")
    assert free_memory_bytes(tmp_path) == 4000 * 1024
