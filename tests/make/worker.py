"""A measuring process on the demo task: a tiny model, a meter with exact numbers, windows of hundredths of a second."""

from dataclasses import replace
from functools import lru_cache
from typing import Any
from unittest import mock

from search_spaces.sweep_config import Measuring, MeasuringOptions
from search_spaces.trial_config import TrialConfig
from tests.make.meter import ConstantMeter
from trainables import worker as worker_module
from trainables.model import loading
from trainables.rows.digests import Digests
from trainables.tasks import get_task
from trainables.worker import MeasuringData, Worker

SETTINGS = Measuring(
    eval_examples=60, warmup_s=0.02, min_window_s=0.03, min_windows=3, min_total_s=0.1, max_measure_s=0.2
)
TRIAL = TrialConfig("demo", "demo-bert", 1, 24, 2, "fp32", batch_size=16)
IDLE_W = 4.0
DIGESTS = Digests("weights", "recipe", "data")


@lru_cache(maxsize=4)
def demo(settings: MeasuringOptions = SETTINGS) -> tuple[MeasuringData, loading.ModelFiles]:
    """The first examples of the demo's validation split, and a model with random weights."""
    task = get_task("demo")
    examples = task.load("validation", None, settings.eval_examples)
    tokenized = task.tokenize(examples, loading.load_tokenizer("demo-bert"))
    files = loading.load_pretrained("demo-bert", task.head, task.label_names(examples), seed=1)
    return MeasuringData("demo", tokenized, True, settings, 80, {1: DIGESTS}), files


def make_worker(meter: Any = None, settings: MeasuringOptions = SETTINGS, **changes: Any) -> Worker:
    """A worker on a meter (default: constant 10 W); `changes` are other fields of its MeasuringData."""
    data, files = demo(replace(settings, energy_examples=None))
    data = replace(data, settings=settings, **changes)
    with (
        mock.patch.object(worker_module, "meter_of", return_value=meter or ConstantMeter(10.0)),
        mock.patch.object(worker_module, "settled_idle_power_w", return_value=IDLE_W),
    ):
        return Worker(data, {1: lambda: files}, cpus=1)
