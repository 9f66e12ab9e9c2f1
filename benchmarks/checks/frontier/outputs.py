"""A card with model and validation split open, and how far configurations' outputs are from the baseline's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from benchmarks.checks.frontier.points import BASELINE, Point, trials
from search_spaces.sweep_config import Measuring
from search_spaces.trial_config import TrialConfig
from trainables.batches import Batch, Plan
from trainables.device import free_memory, set_precision
from trainables.measure import outputs_of, prepare
from trainables.model import loading
from trainables.model.architectures import max_positions
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.tasks import get_task
from trainables.tasks.base import Inputs
from trainables.worker import Bench, MeasuringData

SEED = 42


@dataclass(frozen=True)
class Prepared:
    """One configuration, ready to run: `run(i)` gives the outputs of batch i."""

    trial: TrialConfig
    model: PreTrainedModel
    inputs: Inputs
    plan: Plan
    staged: list[Batch]
    run: Callable[[int], torch.Tensor]

    def logits(self) -> np.ndarray:
        """Of the whole validation split, in its order."""
        return outputs_of(self.run, self.plan, self.staged, self.inputs, self.trial)


class Opened:
    """The model, its own weights (of `checkpoint`) or random ones of its shape, and the card."""

    def __init__(self, model: str | None, checkpoint: str | None, data_dir: Path | None) -> None:
        task = get_task("sst2")
        self.source = str(checkpoint or model)
        examples = task.load("validation", data_dir, None)
        self.validation = task.tokenize(examples, loading.load_tokenizer(self.source))
        files = (
            loading.load_checkpoint(checkpoint, task.head)
            if checkpoint
            else loading.load_pretrained(self.source, task.head, task.num_labels(examples), SEED, random_weights=True)
        )
        config = loading.load_config(self.source)
        self.depth = config.num_hidden_layers
        data = MeasuringData("sst2", self.validation, True, Measuring(), max_positions(config))
        self.bench = Bench(data, {SEED: partial(lambda f: f, files)}, 4)

    def prepare(self, point: Point) -> Prepared:
        """Cut, cast, plan, stage and build one configuration."""
        (trial,) = trials(self.source, self.depth, [point])
        free_memory(self.bench.device)
        dtype = set_precision(trial.precision)
        model = cut(self.bench.master(SEED), trial.depth, dtype, self.bench.device)
        if trial.padding == "packed":
            use_packed_attention(model, classify=True)
        inputs = self.bench.inputs(trial.max_seq_len)
        with torch.inference_mode():
            plan, staged, run, _ = prepare(trial, model, inputs, self.bench)
        return Prepared(trial, model, inputs, plan, staged, run)

    def logits(self, point: Point) -> np.ndarray:
        with torch.inference_mode():
            return self.prepare(point).logits()


def verify(opened: Opened, points: Sequence[Point], trained: bool) -> list[dict[str, Any]]:
    """Logits and predictions of the points against the baseline's, on one card; accuracy where they are trained."""
    exact = opened.logits(BASELINE)
    labels = opened.validation.labels
    found = []
    for point in points:
        other = opened.logits(point)
        found.append(
            {
                **point._asdict(),
                "largest_error_over_range": float(np.abs(other - exact).max() / np.ptp(exact)),
                "flips": int((other.argmax(1) != exact.argmax(1)).sum()),
                "examples": len(exact),
                "accuracy": float((other.argmax(1) == labels).mean()) if trained else None,
            }
        )
    return found
