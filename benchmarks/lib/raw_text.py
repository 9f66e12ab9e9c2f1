"""One job of raw texts, the ways through it, and what each of them costs."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks.lib.output import table
from benchmarks.lib.raw_text_command import RawTextArguments
from benchmarks.lib.raw_text_ways import LIMIT, PRODUCT, PUBLISHED, Way, Whole, ways
from benchmarks.lib.shapes import SEED
from benchmarks.lib.smoke import TickingMeter
from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.sweep_config import Measuring
from search_spaces.trial_config import TrialConfig
from serving.bundle import Bundle
from serving.make_export import write_folder
from trainables.batches import plan
from trainables.device import accelerator, free_memory, peak_memory_mib, set_threads, synchronize
from trainables.energy.meter import Meter
from trainables.energy.open_meter import meter_of
from trainables.energy.sampler import Sampler
from trainables.energy.sources import SOURCES
from trainables.energy.spent import metered
from trainables.load import Load, cut, prepare
from trainables.model import loading
from trainables.model.architectures import layer_list, max_positions
from trainables.tasks import get_task
from trainables.tasks.special_tokens import SpecialTokens
from trainables.window import measure

WARM_TEXTS = 2000


@dataclass(frozen=True)
class Job:
    """Texts, and who goes through them. `trial`: the product's configuration; `files`: the whole model in fp32."""

    device: torch.device
    meter: Meter
    texts: Sequence[str]
    labels: np.ndarray  # of each text
    ways: Sequence[Way]
    trial: TrialConfig
    files: loading.ModelFiles
    inputs: Any  # one copy, as the trial stages it

    def about(self) -> dict[str, Any]:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        device = {"device": self.meter.device.name, "energy_source": self.meter.source}
        return device | versions | {"texts": len(self.texts), "configuration": self.trial.to_dict()}


@dataclass(frozen=True)
class Found:
    """Per example; None where it is not known. `problem`: why a way did not finish."""

    name: str
    seconds: float | None = None
    energy_j: float | None = None
    load_s: float | None = None
    first_ms: float | None = None
    memory_mib: float | None = None  # of the GPU
    answers: Sequence[int] | None = None
    problem: str = ""

    def kept(self, job: Job) -> dict[str, Any]:
        """Numbers for a file."""
        right = None if self.answers is None else float((np.array(self.answers) == job.labels).mean())
        left = {"name", "answers"}
        return {"name": self.name, "accuracy": right} | {k: v for k, v in vars(self).items() if k not in left}


@contextmanager
def opened(arguments: RawTextArguments) -> Iterator[Job]:
    """The job, its model and an export of the configuration, in a folder that goes with it."""
    check(arguments.copies >= 1, "copies must be at least 1", arguments.copies, "see --help")
    device = torch.device("cpu") if arguments.smoke else accelerator()
    meter: Meter = TickingMeter() if arguments.smoke else meter_of(device)
    set_threads(arguments.cpus or torch.get_num_threads())
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield _job(arguments, device, meter, Path(folder))
    finally:
        meter.close()


def _job(arguments: RawTextArguments, device: torch.device, meter: Meter, folder: Path) -> Job:
    name, model = ("demo", loading.DEMO_MODEL) if arguments.smoke else ("sst2", arguments.model)
    task = get_task(name)
    examples = task.load("validation", None if arguments.smoke else arguments.data_dir, 64 if arguments.smoke else None)
    labels = task.label_names(examples)
    random = Path(model).is_dir() and not (Path(model) / loading.WEIGHTS_FILE).is_file()
    files = loading.load_pretrained(model, task.head, labels, SEED, random_weights=random)
    whole = loading.from_files(files)
    tokenizer = loading.load_tokenizer(model)
    limit = min(LIMIT, max_positions(whole.config))
    full = folder / "full"
    loading.save(whole, full)
    tokenizer.save_pretrained(full)
    on_gpu = device.type == "cuda"
    trial = TrialConfig(
        task=name,
        model=model,
        seed=SEED,
        max_seq_len=limit,
        depth=len(layer_list(whole)),
        precision=arguments.precision if on_gpu or arguments.precision != "fp16" else "bf16",
        batch_size=min(arguments.batch, len(examples)),
        padding=arguments.padding,
        backend=arguments.backend if on_gpu else "eager" if arguments.smoke else _on_cpu(arguments.backend),
    )
    tokenized = task.tokenize(examples, tokenizer)
    inputs = task.inputs(tokenized, limit)
    planned = plan(inputs.ids.lengths, trial.batch_size, limit, trial.padding)
    bundle = Bundle(
        configuration=trial.to_dict(),
        trial=trial.trial_id,
        text_columns=task.text_columns(examples),
        labels=labels,
        token_types=SpecialTokens.of(tokenizer, False).types is not None,
        tokens_per_batch=planned.width[0] if trial.padding == "packed" else None,
        cut_share=None,
        measured={},
        recommendation=None,
        finetuning=None,
        versions={},
        made_at="",
    )
    write_folder(folder / "export", bundle, files, tokenizer, "An export of a benchmark.\n")
    rng = np.random.default_rng(SEED)
    order = np.concatenate([rng.permutation(len(examples)) for _ in range(arguments.copies)])
    texts = [examples.first[i] for i in order]
    found = ways(Whole(full, device, limit), folder / "export")
    return Job(device, meter, texts, examples.labels[order], found, trial, files, inputs)


def timed(job: Job, way: Way, seconds: float) -> Found:
    """A way loaded, warmed up and run over whole jobs. What fails is told and costs the others nothing."""
    free_memory(job.device)
    try:
        start = time.perf_counter()
        answer = way.load()
        synchronize(job.device)
        loaded = time.perf_counter()
        answer(job.texts[:1])
        first_s = time.perf_counter() - loaded
        answer(job.texts[:WARM_TEXTS])
        answers: list[Sequence[int] | None] = []

        def jobs() -> None:
            begin = time.perf_counter()
            while not answers or time.perf_counter() - begin < seconds:
                answers.append(answer(job.texts))
            synchronize(job.device)

        _, spent = metered(job.meter, jobs)
    except Exception as error:  # a foreign library may raise anything
        return Found(way.name, problem=" ".join(str(error).split())[:200] or type(error).__name__)
    count = len(answers) * len(job.texts)
    energy_j = None if spent.energy_j is None else spent.energy_j / count
    memory_mib = peak_memory_mib(job.device)
    return Found(way.name, spent.seconds / count, energy_j, loaded - start, 1e3 * first_s, memory_mib, answers[0])


def staged_energy_j(job: Job, seconds: float) -> float | None:
    """J/example of the configuration as a trial measures it."""
    free_memory(job.device)
    settings = Measuring(
        warmup_s=min(2.0, seconds),
        min_window_s=seconds / 5,
        min_windows=5,
        min_total_s=seconds,
        max_measure_s=2 * seconds,
    )
    with torch.inference_mode():
        load: Load = prepare(job.trial, cut(job.trial, loading.from_files(job.files), job.device), job.inputs)
        with Sampler(job.meter) as sampler:
            windows = measure(load.run_pass, lambda: synchronize(job.device), sampler, settings)
    energy_j = float(np.sum(windows.energies.energy_j)) / (load.examples * int(windows.passes.sum()))
    return energy_j if np.isfinite(energy_j) else None


def printed(job: Job, found: Sequence[Found]) -> str:
    """The table, and what did not finish."""
    ours = next((one.energy_j for one in found if one.name == PRODUCT), None)
    exact = next((one.answers for one in found if one.name == PUBLISHED), None)
    source = SOURCES[job.meter.source]
    rows = [
        (
            one.name,
            None if one.energy_j is None else 1e3 * one.energy_j,
            None if one.energy_j is None or not ours else f"{one.energy_j / ours:.3g} x",
            None if one.seconds is None else 1e6 * one.seconds,
            None if one.seconds is None else f"{1 / one.seconds:.0f}",
            one.load_s,
            one.first_ms,
            one.memory_mib,
            _agreement(one.answers, exact),
        )
        for one in found
        if not one.problem
    ]
    energy = "mJ/example" if source.measured else "mJ/example (estimated)"
    header = (
        "raw text to labels",
        energy,
        "over ours",
        "us/example",
        "1/s",
        "load s",
        "first ms",
        "GPU MiB",
        "as fp32",
    )
    left = [f"{one.name}: {one.problem}" for one in found if one.problem]
    device = f"{job.meter.device.name}, {len(job.texts)} texts, {job.trial.trial_id}"
    return "\n".join([device, table(header, rows), *left])


def _agreement(answers: Sequence[int] | None, exact: Sequence[int] | None) -> str | None:
    if answers is None or exact is None:
        return None
    return f"{100 * float((np.array(answers) == np.array(exact)).mean()):.2f} %"


def _on_cpu(backend: str) -> str:
    return backend if BACKENDS[backend].cpu else BACKENDS[backend].without_cuda
