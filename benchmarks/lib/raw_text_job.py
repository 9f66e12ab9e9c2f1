"""One job of raw texts: the examples, the configuration that is exported, and the ways through them."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks.lib.raw_text_command import RawTextArguments
from benchmarks.lib.raw_text_smoke import smoke_examples, smoke_model
from benchmarks.lib.raw_text_ways import Answers, Texts, Way, Whole, ways
from benchmarks.lib.shapes import SEED
from benchmarks.lib.smoke import TickingMeter
from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.trial_config import TrialConfig
from serving.bundle import Bundle
from serving.make_export import write_folder
from trainables.batches import plan
from trainables.device import accelerator, set_threads
from trainables.energy.meter import Meter
from trainables.energy.open_meter import meter_of
from trainables.model import loading
from trainables.model.architectures import layer_list, max_positions
from trainables.tasks import get_task
from trainables.tasks.base import Inputs, Task
from trainables.tasks.demo import demo_tokenizer
from trainables.tasks.special_tokens import SpecialTokens
from trainables.tasks.squad_score import exact_match

LIMITS = {"sst2": 128, "qqp": 128, "squad": 384}  # tokens, of every way
COPIES = {"sst2": 20, "qqp": 2, "squad": 1}  # the published way takes some ten seconds for each


@dataclass(frozen=True)
class Job:
    """Examples, and who goes through them. `trial`: the product's configuration, exported to `export`; `files`: the
    whole model in fp32."""

    device: torch.device
    meter: Meter
    task: Task
    examples: Any  # of the task
    order: np.ndarray  # numbers of the examples whose texts are the job
    ways: Sequence[Way]
    whole: Whole
    trial: TrialConfig
    files: loading.ModelFiles
    tokenized: Any  # one copy, as the trial stages it
    inputs: Inputs
    export: Path

    @cached_property
    def texts(self) -> Texts:
        texts: Texts = self.examples.texts()
        return [texts[i] for i in self.order]

    def share_right(self, answers: Answers | None) -> float | None:
        """Accuracy of the answers to all texts; of questions, exact match."""
        if answers is None:
            return None
        if self.task.head == "question_answering":
            pairs = zip(answers, self.order, strict=True)
            return float(np.mean([exact_match(str(answer), self.examples.answers[i]) for answer, i in pairs]))
        return float((np.array(answers) == self.examples.labels[self.order]).mean())

    def about(self) -> dict[str, Any]:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        device = {"device": self.meter.device.name, "energy_source": self.meter.source}
        return device | versions | {"texts": len(self.order), "configuration": self.trial.to_dict()}


@contextmanager
def opened(arguments: RawTextArguments) -> Iterator[Job]:
    """The job, its model and an export of the configuration, in a folder that goes with it."""
    copies = COPIES[arguments.task] if arguments.copies is None else arguments.copies
    check(copies >= 1, "copies must be at least 1", copies, "see --help")
    device = torch.device("cpu") if arguments.smoke else accelerator()
    meter: Meter = TickingMeter() if arguments.smoke else meter_of(device)
    set_threads(arguments.cpus or torch.get_num_threads())
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield _job(arguments, copies, device, meter, Path(folder))
    finally:
        meter.close()


def _job(arguments: RawTextArguments, copies: int, device: torch.device, meter: Meter, folder: Path) -> Job:
    task = get_task(arguments.task)
    examples = smoke_examples(task) if arguments.smoke else task.load("validation", arguments.data_dir, None)
    labels = task.label_names(examples)
    files, tokenizer = _model(arguments, task, labels)
    whole = loading.from_files(files)
    limit = min(LIMITS[task.name], max_positions(whole.config))
    full, export = folder / "full", folder / "export"
    loading.save(whole, full)
    tokenizer.save_pretrained(full)
    tokenized = task.tokenize(examples, tokenizer)
    inputs = task.inputs(tokenized, limit)
    on_gpu = device.type == "cuda"
    trial = TrialConfig(
        task=task.name,
        model="demo-bert" if arguments.smoke else str(arguments.checkpoint or arguments.model),
        seed=SEED,
        max_seq_len=limit,
        depth=len(layer_list(whole)),
        precision=arguments.precision if on_gpu or arguments.precision != "fp16" else "bf16",
        batch_size=min(arguments.batch, len(inputs.ids)),
        padding=arguments.padding,
        backend=arguments.backend if on_gpu else "eager" if arguments.smoke else _on_cpu(arguments.backend),
    )
    bundle = _bundle(trial, task, examples, inputs, tokenizer)
    write_folder(export, bundle, files, tokenizer, "An export of a benchmark.\n")
    rng = np.random.default_rng(SEED)
    order = np.concatenate([rng.permutation(len(examples)) for _ in range(copies)])
    entire = Whole(full, device, limit, task.head, len(bundle.text_columns))
    found = ways(entire, export)
    return Job(device, meter, task, examples, order, found, entire, trial, files, tokenized, inputs, export)


def _model(arguments: RawTextArguments, task: Task, labels: tuple[str, ...]) -> tuple[loading.ModelFiles, Any]:
    """The whole model and its tokenizer."""
    if arguments.smoke:
        made = smoke_model(task, labels, LIMITS[task.name])
        return loading.to_files(made, task.head), demo_tokenizer()
    if arguments.checkpoint is not None:
        files, _ = loading.load_checkpoint(str(arguments.checkpoint), task.head, labels)
        return files, loading.load_tokenizer(str(arguments.checkpoint))
    model = arguments.model
    random = Path(model).is_dir() and not (Path(model) / loading.WEIGHTS_FILE).is_file()
    files = loading.load_pretrained(model, task.head, labels, SEED, random_weights=random)
    return files, loading.load_tokenizer(model)


def _bundle(trial: TrialConfig, task: Task, examples: Any, inputs: Inputs, tokenizer: Any) -> Bundle:
    """What an export of the configuration would say, had a run measured it."""
    columns = task.text_columns(examples)
    planned = plan(inputs.ids.lengths, trial.batch_size, trial.max_seq_len, trial.padding)
    return Bundle(
        configuration=trial.to_dict(),
        trial=trial.trial_id,
        text_columns=columns,
        labels=task.label_names(examples),
        token_types=SpecialTokens.of(tokenizer, len(columns) > 1).types is not None,
        tokens_per_batch=planned.width[0] if trial.padding == "packed" else None,
        cut_share=None,
        measured={},
        recommendation=None,
        finetuning=None,
        versions={},
        made_at="",
    )


def _on_cpu(backend: str) -> str:
    return backend if BACKENDS[backend].cpu else BACKENDS[backend].without_cuda
