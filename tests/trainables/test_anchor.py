"""The anchor: what it runs and what it says of it (on a CPU, where nothing is captured)."""

import numpy as np
import pytest
import torch

from tests.make import models as tiny
from tests.make.meter import ConstantMeter
from tests.make.worker import make_worker
from trainables import anchor, batches, load, worker
from trainables.rows.check import problem_of
from trainables.rows.columns import ANCHOR_NUMBERS

CPU = torch.device("cpu")


def test_nothing_is_padded_and_the_same_tokens_come_every_time():
    inputs = anchor.random_inputs(50, 64, CPU)
    (batch,) = batches.stage(inputs, batches.plan(inputs.ids.lengths, anchor.BATCH, 64, "max_length"), CPU)
    assert batch.input_ids.shape == (anchor.BATCH, 64)
    assert batch.input_ids.min() >= 5
    assert set(batch.tensors()) == {"input_ids"}
    again = anchor.random_inputs(50, 64, CPU)
    np.testing.assert_array_equal(inputs.ids.values, again.ids.values)
    generator = torch.Generator(CPU).manual_seed(0)
    assert torch.equal(batch.input_ids, torch.randint(5, 50, (anchor.BATCH, 64), generator=generator))


def test_it_says_what_the_whole_model_needs(monkeypatch):
    built = []

    def eager(backend, model, staged):
        built.append((backend, model.config.num_hidden_layers, model.dtype, [b.shape for b in staged]))
        return real("eager", model, staged)

    real = load.backends.build
    monkeypatch.setattr(load.backends, "build", eager)
    monkeypatch.setattr(anchor, "BATCH", 8)
    monkeypatch.setattr(anchor, "WARMUP_S", 0.05)
    monkeypatch.setattr(anchor, "WINDOW_S", 0.2)
    found = anchor.measure_anchor(tiny.model(), "sst2", ConstantMeter(10.0), CPU)
    assert built == [("cuda_graph", 4, torch.float16, [(64, ("input_ids", 8, 64))])]
    assert found["mean_power_w"] == pytest.approx(10.0, rel=1e-5)
    assert found["energy_j_per_example"] > 0
    assert set(ANCHOR_NUMBERS) < set(found)
    assert problem_of({"anchor": found}) == ""


def test_it_is_due_at_the_start_and_every_so_many_trials(monkeypatch):
    made = make_worker()
    monkeypatch.setattr(made, "anchor", lambda seed: {"seed": seed})
    assert made.due_anchor(1) is None, "a CPU has none"
    made = make_worker()
    made.device = torch.device("cuda", 0)
    monkeypatch.setattr(made, "anchor", lambda seed: {"seed": seed})
    due = [made.due_anchor(1) is not None for _ in range(2 * worker.ANCHOR_EVERY)]
    assert [i for i, is_due in enumerate(due) if is_due] == [0, worker.ANCHOR_EVERY]
