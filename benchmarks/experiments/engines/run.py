"""Every engine, precision and padding that the device has, a pass each in turns."""

import time
from dataclasses import replace

import numpy as np
import torch

from benchmarks.experiments.engines import Arguments
from benchmarks.lib.output import table, write_json
from benchmarks.lib.raw_text_smoke import smoke_examples, smoke_model
from benchmarks.lib.shapes import SEED
from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.search_space import cannot_run
from search_spaces.trial_config import TrialConfig
from trainables.backends.engine import lacking
from trainables.device import BackendError, accelerator, set_precision, set_threads, synchronize
from trainables.energy.meters.cpu import cpu_name
from trainables.load import Load, cut, prepare
from trainables.model import loading
from trainables.model.architectures import layer_list
from trainables.tasks import get_task
from trainables.tasks.demo import demo_tokenizer

PADDINGS, PRECISIONS = ("longest", "packed"), ("fp32", "fp16", "bf16", "int8")


def run(arguments: Arguments) -> int:
    """0: there is nothing to miss."""
    check(arguments.smoke or arguments.checkpoint is not None, "--checkpoint must name a folder", "none", "give one")
    set_threads(arguments.cpus or torch.get_num_threads())
    device, task = accelerator(), get_task("sst2")
    examples = smoke_examples(task) if arguments.smoke else task.load("validation", arguments.data_dir, None)
    labels, source = task.label_names(examples), str(arguments.checkpoint)
    if arguments.smoke:
        master, tokenizer = smoke_model(task, labels, arguments.max_seq_len), demo_tokenizer()
    else:
        master = loading.from_files(loading.load_checkpoint(source, task.head, labels)[0])
        tokenizer = loading.load_tokenizer(source)
    inputs = task.inputs(task.tokenize(examples, tokenizer), arguments.max_seq_len)
    depth, length, batch = len(layer_list(master)), arguments.max_seq_len, arguments.batch_size
    loads: dict[str, Load] = {}
    for padding in PADDINGS:
        usual = TrialConfig("sst2", "model", SEED, length, depth, "fp32", batch_size=batch, padding=padding)
        for trial in configurations(usual, device):
            with torch.inference_mode():
                try:
                    loads[trial.trial_id] = prepare(trial, cut(trial, master, device), inputs)
                except BackendError as error:  # bf16 on a processor without it
                    print(f"left out: {error}")
    seconds, classes = _passes(loads, arguments.rounds)
    exact = classes[next(iter(loads))]
    rows = [
        {
            "backend": load.trial.backend,
            "precision": load.trial.precision,
            "padding": load.trial.padding,
            "least_ms_per_example": 1e3 * min(seconds[name]) / load.examples,
            "median_ms_per_example": 1e3 * float(np.median(seconds[name])) / load.examples,
            "building_s": load.build_s,
            "changed": int((classes[name] != exact).sum()),
            "accuracy": float((classes[name] == examples.labels).mean()),
        }
        for name, load in loads.items()
    ]
    header = ("backend", "precision", "padding", "least ms", "median ms", "build s", "changed", "accuracy")
    name = cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    print(f"{name}, {threads} threads, {len(examples)} sentences, {arguments.rounds} passes each, in turns")
    print(table(header, [tuple(row.values()) for row in rows]))
    engines = (backend.engine for key, backend in BACKENDS.items() if _engine_here(key, device))
    installed = (engine.installed(device.type) for engine in engines if engine is not None)
    versions = {"torch": torch.__version__} | dict(found for found in installed if found is not None)
    write_json(arguments.output, "engines", {"device": name, "versions": versions, "configurations": rows})
    return 0


def configurations(usual: TrialConfig, device: torch.device) -> list[TrialConfig]:
    """`usual` by eager and by each engine that is here, in the precisions that they have. fp32, eager is the first."""
    named = ("eager", *(name for name in BACKENDS if _engine_here(name, device)))
    trials = [replace(usual, backend=b, precision=p) for b in named for p in PRECISIONS]
    able = [trial for trial in trials if cannot_run(trial.configuration, device.type) is None]
    return [trial for trial in able if device.type != "cpu" or trial.precision != "fp16"]  # which takes minutes there


def _engine_here(backend: str, device: torch.device) -> bool:
    engine = BACKENDS[backend].engine
    return engine is not None and device.type in engine.precisions and not lacking(backend, device)


def _passes(loads: dict[str, Load], rounds: int) -> tuple[dict[str, list[float]], dict[str, np.ndarray]]:
    """Seconds of each pass, and the predicted class of each sentence."""
    seconds: dict[str, list[float]] = {name: [] for name in loads}
    with torch.inference_mode():
        classes = {name: load.outputs().argmax(axis=1) for name, load in loads.items()}  # warms up, too
        for _ in range(rounds):
            for name, load in loads.items():
                set_precision(load.trial.precision)
                start = time.perf_counter()
                load.run_pass()
                synchronize(load.model.device)
                seconds[name].append(time.perf_counter() - start)
    return seconds, classes
