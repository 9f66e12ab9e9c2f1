"""Run folders whose trials were really measured, in this process: tiny models with large random weights, no Ray.

Their answers are no good, and as definite as a trained model's: which example is right is a matter of the weights.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from search_spaces.sweep_config import Measuring, SweepConfig
from search_spaces.trial_config import TrialConfig
from tests.make import models as tiny
from tests.make import tokenizers
from tests.make.case_data import squad_data, tsv_data
from tests.make.meter import ConstantMeter
from trainables import worker as worker_module
from trainables.digest import digest_of
from trainables.measure import measure_trial
from trainables.model import loading
from trainables.rows.digests import Digests
from trainables.rows.file import ROW_FILE, seal
from trainables.rows.folder import weights_folder
from trainables.tasks import get_task
from trainables.tasks.demo import demo_config, demo_tokenizer
from trainables.worker import MeasuringData, Worker

SEED = 1
BRIEF = Measuring(warmup_s=0.01, min_window_s=0.01, min_windows=2, min_total_s=0.02, max_measure_s=0.05)


@dataclass(frozen=True)
class Case:
    """A task with data and a model that fit it."""

    task: str
    model: str
    config: Any
    tokenizer: Any
    data_dir: Path | None = None
    examples: int | None = None


def demo_case(examples: int = 120) -> Case:
    return Case("demo", "demo-bert", demo_config(), demo_tokenizer(), examples=examples)


def tsv_case(folder: Path, pairs: bool = True) -> Case:
    """60 examples of the words that `tests.make.tokenizers` knows, some longer than 24 tokens."""
    tsv_data(folder, pairs)
    return Case("tsv", "tiny-bert", tiny.config(num_labels=3), tokenizers.tokenizer("bert"), folder)


def squad_case(folder: Path) -> Case:
    """24 questions on 6 paragraphs of up to 90 tokens, of which a window of 32 tokens shows a part."""
    squad_data(folder)
    return Case("squad", "tiny-bert", tiny.config(), tokenizers.tokenizer("bert"), folder)


def measured_run(run: Path, case: Case, trials: Sequence[TrialConfig]) -> Path:
    """A folder with checkpoints, sweep.json, environment.json and a row file of each trial."""
    task = get_task(case.task)
    examples = task.load("validation", case.data_dir, case.examples)
    labels = task.label_names(examples)
    weights = weights_folder(run, case.task, case.model, SEED)
    weights.mkdir(parents=True)
    case.tokenizer.save_pretrained(weights)
    loading.save(_model(case, task.head, labels), weights)
    files, _ = loading.load_checkpoint(str(weights), task.head, labels)
    sweep = SweepConfig(
        task=case.task,
        model=case.model,
        data_dir=None if case.data_dir is None else str(case.data_dir),
        seeds=(SEED,),
        measuring=replace(BRIEF, eval_examples=case.examples),
    )
    (run / "sweep.json").write_text(json.dumps(sweep.to_dict()))
    (run / "environment.json").write_text(json.dumps({"classes": list(labels)}))
    digests = Digests(digest_of(files.weights), "recipe", digest_of(examples))
    tokenized = task.tokenize(examples, case.tokenizer)
    data = MeasuringData(case.task, tokenized, True, BRIEF, 64, {SEED: digests}, tokenising_cpu_s=1e-5)
    with (
        mock.patch.object(worker_module, "meter_of", return_value=ConstantMeter(10.0)),
        mock.patch.object(worker_module, "settled_idle_power_w", return_value=4.0),
    ):
        worker = Worker(data, {SEED: lambda: files}, cpus=1)
    for trial in trials:
        folder = run / "ray" / "measure-0" / trial.trial_id
        folder.mkdir(parents=True)
        (folder / ROW_FILE).write_text(seal(_row(trial, worker)))
    return run


def _row(trial: TrialConfig, worker: Worker) -> dict[str, Any]:
    """Windows of 10 ms can miss every reading while others keep the cores: such a row has no energy and is no trial."""
    for _ in range(3):
        row = measure_trial(trial, worker)
        if row["status"] == "ok":
            break
    return row


def trial_of(case: Case, **values: Any) -> TrialConfig:
    """A trial of the case's model: 24 tokens, 2 layers, fp32 and batches of 16 unless said otherwise."""
    known = {"max_seq_len": 24, "depth": 2, "precision": "fp32", "batch_size": 16} | values
    return TrialConfig(case.task, case.model, SEED, **known)


def _model(case: Case, head: Any, labels: Sequence[str]) -> Any:
    from trainables.model.checks import name_labels

    config = case.config
    config.num_labels = len(labels) or loading.SPAN_OUTPUTS
    if labels:
        name_labels(config, labels)
    torch.manual_seed(SEED)
    model = loading.auto_class(head).from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    return model.eval()
