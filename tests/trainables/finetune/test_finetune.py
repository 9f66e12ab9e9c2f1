"""Fine-tuning: it learns, and from a checkpoint it goes on exactly as if it had never stopped."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from search_spaces.sweep_config import Finetuning
from tests.make import models as tiny
from trainables.finetune import finetune_trainable as finetune
from trainables.finetune.finetune_trainable import OPTIMIZER_FILE, STATE_FILE, FinetuneTrainable, TrainingData
from trainables.finetune.train_step import TrainStep
from trainables.model import loading
from trainables.tasks import get_task
from trainables.tasks.base import Inputs

SETTINGS = Finetuning(epochs=3, learning_rate=1e-3, train_max_seq_len=48)


@pytest.fixture(scope="module")
def parts():
    task = get_task("demo")
    tokenizer = loading.load_tokenizer("demo-bert")
    train, validation = (task.tokenize(task.load(s, None, 96), tokenizer) for s in ("train", "validation"))
    return TrainingData("demo", train, validation), {
        ("demo-bert", 1): loading.load_pretrained("demo-bert", task.head, ("negative", "positive"), 1)
    }


@pytest.fixture
def start(parts, monkeypatch):
    monkeypatch.setattr(finetune.ray, "get", lambda reference: reference)

    def make(resume_from=None):
        trainable = FinetuneTrainable.__new__(FinetuneTrainable)
        job = {
            "task": "demo",
            "model": "demo-bert",
            "seed": 1,
            "finetuning": asdict(SETTINGS),
            "cpu": 1,
            "gpu": 0,
            "assumed_watts": 20.0,
        }
        trainable.setup({"job": job | {"resume_from": resume_from}}, {"demo-bert": parts[0]}, parts[1])
        return trainable

    make.parts = parts[0]
    return make


@pytest.mark.seconds
def test_going_on_from_a_checkpoint_equals_not_having_stopped(start, tmp_path):
    whole = start()
    results = [whole.step() for _ in range(3)]
    assert [r["done"] for r in results] == [False, False, True]
    assert results[2]["train_loss"] < results[0]["train_loss"]

    first = start()
    first.step()
    first.save_checkpoint(str(tmp_path))
    second = start(resume_from=str(tmp_path))
    assert second.epoch == 1
    resumed = [second.step() for _ in range(2)]
    assert [r["epoch"] for r in resumed] == [2, 3]
    spent = json.loads((tmp_path / STATE_FILE).read_text())["spent"]
    assert spent["energy_j"] == pytest.approx(20.0 * spent["seconds"], rel=1e-6)
    assert resumed[0]["train_energy_j"] > spent["energy_j"]  # what the earlier start spent counts
    assert resumed[1]["train_mean_power_w"] == pytest.approx(20.0)
    assert resumed[1]["train_loss"] == pytest.approx(results[2]["train_loss"], rel=1e-5)
    for name, tensor in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)


def test_the_learning_rate_rises_then_falls_to_zero(start):
    trainable = start()
    rates = []
    for _ in range(9):
        rates.append(trainable.schedule.get_last_lr()[0])
        trainable.optimizer.step()
        trainable.schedule.step()
    # 9 steps, one of them warm-up: 0, then down from the peak in eighths
    assert rates[:3] == pytest.approx([0.0, 1e-3, 1e-3 * 7 / 8])
    assert trainable.schedule.get_last_lr()[0] == pytest.approx(0.0)


def test_a_checkpoint_is_safetensors_and_says_how_far_it_is(start, tmp_path):
    trainable = start()
    trainable.step()
    trainable.save_checkpoint(str(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", loading.WEIGHTS_FILE, OPTIMIZER_FILE, STATE_FILE}
    files = loading.load_checkpoint(str(tmp_path), "sequence_classification", ("negative", "positive"))[0]
    assert set(files.weights) == set(trainable.model.state_dict())


def test_metrics_after_an_epoch_are_the_tasks(start):
    trainable = start()
    result = trainable.step()
    again = finetune.evaluate(trainable.model, trainable.task, trainable.validation, 48, batch_size=7)
    assert result["accuracy"] == again["accuracy"]


def test_a_step_is_adamw_on_the_batch_padded_by_hand(start):
    """Two steps through TrainStep against the same two written out with the tokenizer's own padding."""
    trainable, by_hand = start(), start()
    inputs = by_hand.task.inputs(start.parts.train, SETTINGS.train_max_seq_len)
    labels = torch.from_numpy(start.parts.train.labels)
    for rows in (np.arange(5), np.arange(40, 48)):
        trainable.model.eval()  # no dropout: what is compared is the arithmetic
        loss = trainable.train_step(rows)
        width = max(len(inputs.ids[i]) for i in rows)
        ids = torch.full((len(rows), width), inputs.pad_id)
        for row, i in enumerate(rows):
            ids[row, : len(inputs.ids[i])] = torch.from_numpy(inputs.ids[i].astype(np.int64))
        by_hand.model.eval()
        expected = by_hand.model(
            input_ids=ids, attention_mask=(ids != inputs.pad_id).long(), labels=labels[torch.from_numpy(rows)]
        ).loss
        expected.backward()
        torch.nn.utils.clip_grad_norm_(by_hand.model.parameters(), 1.0)
        by_hand.optimizer.step()
        by_hand.optimizer.zero_grad()
        assert float(loss) == pytest.approx(float(expected.detach()), rel=1e-5)
    for name, tensor in by_hand.model.state_dict().items():
        torch.testing.assert_close(trainable.model.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)


def test_a_step_of_a_model_that_takes_a_mask_of_numbers(rng):
    """MPNet: the same as on each input alone, so that no padding is seen; the bias by position learns, too."""
    ours, plain = (tiny.model("mpnet", seed=3) for _ in range(2))
    ids = tiny.inputs([9, 4, 16, 7, 3, 12], rng, pad_id=1)
    inputs, labels = Inputs(ids.ids, None, ids.example, 1), np.array([0, 1, 1, 0, 0, 1])
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (ours, plain)]
    step = TrainStep(ours, optimizers[0], inputs, {"labels": labels}, torch.device("cpu"))
    losses = []
    for rows in (np.array([0, 3, 1]), np.array([2, 4, 5])):
        alone = [torch.from_numpy(inputs.ids[i].astype(np.int64))[None] for i in rows]
        each = [plain(input_ids=x, labels=torch.tensor([labels[i]])).loss for x, i in zip(alone, rows, strict=True)]
        expected = torch.stack(each).mean()
        losses.append(float(step(rows)))
        assert losses[-1] == pytest.approx(float(expected.detach()), rel=1e-5)
        expected.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizers[1].step()
        optimizers[1].zero_grad()
    before = tiny.model("mpnet", seed=3).state_dict()["mpnet.encoder.relative_attention_bias.weight"]
    assert not torch.equal(ours.base_model.encoder.relative_attention_bias.weight, before)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)
    for _ in range(10):
        losses.append(float(step(np.arange(6))))
    assert losses[-1] < 0.5 * max(losses)
