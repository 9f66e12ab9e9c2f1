"""The bench that benchmarks of one card share, and how they are run on it."""

import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.lib.bars import judge, records
from benchmarks.lib.card import CardArguments, CardBenchmark
from benchmarks.lib.output import write_json
from benchmarks.lib.shapes import RANDOM_SEED, SEED
from benchmarks.lib.smoke import TickingMeter
from search_spaces.errors import UsageError
from search_spaces.sweep_config import Measuring
from trainables.digest import digest_of
from trainables.energy.sources import SOURCES
from trainables.model import loading
from trainables.model.architectures import max_positions
from trainables.rows.digests import Digests
from trainables.tasks import get_task
from trainables.worker import MeasuringData, Worker
from tuner.cli import USAGE


def run_all(benchmarks: Sequence[CardBenchmark[Any]], arguments: CardArguments) -> int:
    """One after the other on one bench; exit code 0 when every bar of each is met."""
    bench = open_bench(arguments)
    codes = []
    try:
        for benchmark in benchmarks:
            try:
                codes.append(run_one(benchmark, bench, arguments))
            except UsageError as error:
                print(f"error: {error}", file=sys.stderr)
                codes.append(USAGE)
            except Exception:  # the others still run: a lent card's time is dear
                traceback.print_exc()
                codes.append(1)
    finally:
        bench.meter.close()
    return max(codes)


def run_one(benchmark: CardBenchmark[Any], bench: Worker, arguments: CardArguments) -> int:
    """Run a benchmark, keep its numbers and print its bars; exit code 0 when every bar is met."""
    begin = time.perf_counter()
    print(f"== {benchmark.name}: {bench.meter.device.name}", flush=True)
    found, bars = import_module(f"{benchmark.module}.run").run(bench, arguments)
    seconds = time.perf_counter() - begin
    about = {"benchmark": benchmark.name, "written_at": time.time(), "seconds": seconds} | _measured_on(bench)
    write_json(arguments.output, benchmark.name, about | found | {"bars": records(bars)})
    code = judge(bars)
    print(f"{benchmark.name}: {seconds:.1f} s", flush=True)
    return code


def _measured_on(bench: Worker) -> dict[str, Any]:
    return {
        "device": asdict(bench.meter.device),
        "source": bench.meter.source,
        "tick_s": bench.meter.tick_s,
        "idle_power_w": bench.idle_power_w,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def open_bench(arguments: CardArguments) -> Worker:
    """The card with its meter, and the model: its own encoder weights, or random ones where there are none."""
    name, model = ("demo", "demo-bert") if arguments.smoke else ("sst2", arguments.model)
    task = get_task(name)
    data_dir = None if arguments.smoke else arguments.data_dir
    examples = task.load("validation", data_dir, 64 if arguments.smoke else None)
    tokenized = task.tokenize(examples, loading.load_tokenizer(model))
    no_weights = Path(model).is_dir() and not (Path(model) / loading.WEIGHTS_FILE).is_file()
    labels = task.label_names(examples)
    own = loading.load_pretrained(model, task.head, labels, SEED, random_weights=no_weights)
    positions = max_positions(loading.load_config(model))
    weights = digest_of(own.weights)
    digests = {SEED: Digests(weights, recipe_digest=weights, data_digest=digest_of(examples))}
    data = MeasuringData(name, tokenized, False, Measuring(), positions, digests)
    files = {
        SEED: lambda: own,
        RANDOM_SEED: lambda: loading.load_pretrained(model, task.head, labels, RANDOM_SEED, random_weights=True),
    }
    bench = Worker(data, files, arguments.cpus)
    if arguments.smoke:
        bench.meter.close()
        bench.meter = TickingMeter()
    if not SOURCES[bench.meter.source].measured:
        raise UsageError("these benchmarks need an energy sensor: see `python -m tuner.doctor`, or give --smoke")
    return bench
