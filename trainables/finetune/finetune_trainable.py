"""Fine-tuning, once per task, model and seed: `FinetuneTrainable`, one Tune step per epoch.

AdamW, linear warm-up and decay, gradient clipping at 1, bf16 autocast where a GPU has it; `train_step.py` is one step.
Every epoch ends in a checkpoint (safetensors: weights, optimiser moments), from which a later start goes on exactly:
data order and dropout depend on (seed, epoch) alone. Energy is that of training alone, without evaluation.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
from ray import tune
from safetensors.torch import load_file, save_file

from search_spaces.sweep_config import Finetuning
from trainables.batches import Plan, stage
from trainables.device import accelerator, set_threads
from trainables.energy.open_meter import meter_of
from trainables.energy.spent import Spent, metered
from trainables.finetune.train_step import TrainStep
from trainables.model import loading
from trainables.rows.folder import FINETUNE
from trainables.tasks import get_task
from trainables.tasks.base import Inputs

OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "finetune.json"


@dataclass(frozen=True)
class TrainingData:
    """What a fine-tuning trial needs, as plain arrays (shared between trials through the object store)."""

    task: str
    train: Any  # the task's Tokenized
    validation: Any


class FinetuneTrainable(tune.Trainable):
    """Fine-tunes one model. Config: job, a dict of phase (FINETUNE), task, model, seed, finetuning (a Finetuning as
    dict), cpu, gpu, assumed_watts (or None) and resume_from (a checkpoint folder of an earlier start, or None)."""

    PHASE = FINETUNE

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        return tune.PlacementGroupFactory([{"CPU": config["job"]["cpu"], "GPU": config["job"]["gpu"]}])

    def setup(self, config: dict[str, Any], data: dict[str, TrainingData], files: dict[tuple[str, int], Any]) -> None:
        self.job = config["job"]
        model = self.job["model"]
        set_threads(self.job["cpu"])
        self.settings = Finetuning(**self.job["finetuning"])
        self.seed: int = self.job["seed"]
        own = data[model]
        self.task = get_task(own.task)
        self.device = accelerator()
        self.meter = meter_of(self.device, self.job["assumed_watts"])
        self.model = loading.from_files(ray.get(files[model, self.seed])).to(self.device)
        inputs = self.task.inputs(own.train, self.settings.train_max_seq_len)
        self.examples = len(inputs.ids)
        self.validation = own.validation
        self.steps_per_epoch = -(-self.examples // self.settings.train_batch_size)
        self.optimizer = self._optimizer()
        self.schedule = self._schedule(0)
        targets = self.task.train_targets(own.train, inputs)
        self.train_step = TrainStep(self.model, self.optimizer, inputs, targets, self.device)
        self.epoch = 0
        self.spent = Spent()
        if self.job["resume_from"]:
            self.load_checkpoint(self.job["resume_from"])

    def step(self) -> dict[str, Any]:
        torch.manual_seed(self.seed * 1000 + self.epoch)
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.examples)
        self.model.train()
        loss, spent = metered(self.meter, lambda: self._epoch(order))
        self.spent += spent
        self.epoch += 1
        return {
            **{name: self.job[name] for name in ("task", "model", "seed")},
            **evaluate(self.model, self.task, self.validation, self.settings.train_max_seq_len),
            "epoch": self.epoch,
            "train_loss": loss,
            "train_s": self.spent.seconds,
            "train_energy_j": self.spent.energy_j,
            "train_energy_source": self.meter.source,
            "train_mean_power_w": self.spent.mean_power_w,
            "gpu_uuid": self.meter.device.uuid,
            "done": self.epoch >= self.settings.epochs,
        }

    def _epoch(self, order: np.ndarray) -> float:
        """One pass over the training examples; their mean loss."""
        total = torch.zeros((), device=self.device)
        for begin in range(0, len(order), self.settings.train_batch_size):
            rows = order[begin : begin + self.settings.train_batch_size]
            total += self.train_step(rows) * len(rows)
            self.schedule.step()
        return float(total) / len(order)

    def _optimizer(self) -> Any:
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]  # biases and layer norms
        groups = [
            {"params": decayed, "weight_decay": self.settings.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        if self.device.type != "cuda":
            return torch.optim.AdamW(groups, lr=self.settings.learning_rate)
        for group in groups:  # a captured step reads its rate from the device
            group["lr"] = torch.tensor(self.settings.learning_rate, device=self.device)
        return torch.optim.AdamW(groups, lr=self.settings.learning_rate, fused=True, capturable=True)

    def _schedule(self, steps_done: int) -> Any:
        """Linear warm-up, then linear decay to zero, as it stands after `steps_done` optimiser steps."""
        total = self.settings.epochs * self.steps_per_epoch
        warmup = max(1, round(self.settings.warmup_ratio * total))

        def factor(step: int) -> float:
            return step / warmup if step < warmup else max(0.0, (total - step) / max(1, total - warmup))

        for group in self.optimizer.param_groups:
            group["initial_lr"] = self.settings.learning_rate
        return torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor, last_epoch=steps_done - 1)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        folder = Path(checkpoint_dir)
        loading.save(self.model, folder)
        moments = {
            f"{i}.{name}": value.contiguous()
            for i, state in self.optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }
        save_file(moments, folder / OPTIMIZER_FILE)
        # Written last: a checkpoint without it was cut short and is not used.
        state = {"epoch": self.epoch, "epochs": self.settings.epochs, "spent": asdict(self.spent)}
        (folder / STATE_FILE).write_text(json.dumps(state))

    def load_checkpoint(self, checkpoint_dir: str | dict[str, Any] | None) -> None:
        folder = Path(str(checkpoint_dir))
        done = json.loads((folder / STATE_FILE).read_text())
        self.epoch, self.spent = done["epoch"], Spent(**done["spent"])
        weights = load_file(folder / loading.WEIGHTS_FILE)
        self.model.load_state_dict(weights)
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in load_file(folder / OPTIMIZER_FILE).items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state})
        self.schedule = self._schedule(self.epoch * self.steps_per_epoch)
        self.train_step.forget()

    def cleanup(self) -> None:
        self.meter.close()


def evaluate(model: Any, task: Any, validation: Any, max_seq_len: int, batch_size: int = 128) -> dict[str, float]:
    """The task's metrics on the validation split, padded to the longest of each batch."""
    inputs = task.inputs(validation, max_seq_len)
    order = np.argsort(-inputs.ids.lengths, kind="stable")
    model.eval()
    parts = []
    with torch.inference_mode():
        for begin in range(0, len(order), batch_size):
            output = model(**padded(inputs, order[begin : begin + batch_size], model.device))
            if "logits" in output:
                parts.append(output.logits.float().cpu().numpy())
            else:
                spans = torch.stack([output.start_logits, output.end_logits], dim=-1).float().cpu().numpy()
                parts.append(np.pad(spans, ((0, 0), (0, max_seq_len - spans.shape[1]), (0, 0)), constant_values=-1e9))
    outputs = np.concatenate(parts)
    restored = np.empty_like(outputs)
    restored[order] = outputs
    metrics: dict[str, float] = task.score(restored, validation, inputs).metrics
    return metrics


def padded(inputs: Inputs, rows: np.ndarray, device: torch.device) -> dict[str, torch.Tensor]:
    """Model arguments of these inputs, padded to the longest of them."""
    width = int(inputs.ids.lengths[rows].max())
    (batch,) = stage(inputs, Plan("longest", (rows,), (width,)), device, staged_mask=False)
    return batch.tensors()
