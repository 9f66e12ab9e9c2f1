"""A card with model and validation split open, and how far configurations' outputs are from the baseline's."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.checks.frontier.points import BASELINE, Point, trials
from search_spaces.sweep_config import Measuring
from trainables.device import free_memory
from trainables.load import Load, cut, prepare
from trainables.model import loading
from trainables.model.architectures import max_positions
from trainables.tasks import get_task
from trainables.worker import MeasuringData, Worker

SEED = 42


class Opened:
    """The model, its own weights (of `checkpoint`) or random ones of its shape, and the card."""

    def __init__(self, model: str | None, checkpoint: str | None, data_dir: Path | None) -> None:
        task = get_task("sst2")
        self.source = str(checkpoint or model)
        examples = task.load("validation", data_dir, None)
        self.validation = task.tokenize(examples, loading.load_tokenizer(self.source))
        files = (
            loading.load_checkpoint(checkpoint, task.head, task.label_names(examples))[0]
            if checkpoint
            else loading.load_pretrained(self.source, task.head, task.label_names(examples), SEED, random_weights=True)
        )
        config = loading.load_config(self.source)
        self.depth = config.num_hidden_layers
        data = MeasuringData("sst2", self.validation, True, Measuring(), max_positions(config))
        self.bench = Worker(data, {SEED: partial(lambda f: f, files)}, 4)

    def prepare(self, point: Point) -> Load:
        """One configuration, ready to run."""
        (trial,) = trials(self.source, self.depth, [point])
        free_memory(self.bench.device)
        model = cut(trial, self.bench.master(SEED), self.bench.device)
        with torch.inference_mode():
            return prepare(trial, model, self.bench.inputs(trial.max_seq_len))

    def logits(self, point: Point) -> np.ndarray:
        """Of the whole validation split, in its order."""
        with torch.inference_mode():
            return self.prepare(point).outputs()


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
