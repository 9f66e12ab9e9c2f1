"""What the energy benchmarks share: one Bench on the card, steady loads on it, bars, tables and raw numbers.

Each benchmark is a module with NAME, `add_arguments` and `run(bench, arguments) -> bars`; `python -m
benchmarks.NAME` runs one, `python -m benchmarks NAME ...` several in one process (which saves the start, about
15 s on a GPU machine, of all but the first).
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from search_spaces.sweep_config import Measuring
from search_spaces.trial_config import TrialConfig
from trainables import backends, batches
from trainables.device import free_memory, set_precision
from trainables.energy.meter import DeviceInfo, Meter, Sample
from trainables.energy.sources import SOURCES
from trainables.model import loading
from trainables.model.architectures import first_position, layer_list, max_positions, takes_staged_mask
from trainables.model.cut import cut
from trainables.tasks import get_task
from trainables.worker import Bench, MeasuringData

SEED, RANDOM_SEED = 42, 43  # of the model's own weights, and of random ones of the same shape
SMOKE_WATTS = 50.0


@dataclass(frozen=True)
class Shape:
    """A configuration without its model: what is run, padded to `tokens`."""

    precision: str
    tokens: int
    batch: int
    backend: str = "eager"

    def __str__(self) -> str:
        return f"{self.precision}, {self.tokens} tokens, batch {self.batch}, {self.backend}"


GPU_BOUND = Shape("fp16", 128, 256)
LAUNCH_BOUND = Shape("fp16", 16, 64)  # the published experiment's worst case: a window of 0.18 s on its L4
HOT = Shape("fp32", 128, 256)  # 680 W on an H100: the hottest neighbour in DESIGN.md section 2
_SMOKE = {GPU_BOUND: Shape("fp32", 24, 32), LAUNCH_BOUND: Shape("fp32", 16, 8), HOT: Shape("fp32", 24, 32)}


def shape_for(bench: Bench, shape: Shape, backend: str | None = None) -> Shape:
    """The shape itself on a GPU, a tiny one on a CPU; with the backend, if one is given."""
    small = bench.device.type == "cpu"
    chosen = _SMOKE[shape] if small else shape
    return replace(chosen, backend=backend) if backend else chosen


class TickingMeter(Meter):
    """Smoke mode's meter: a counter of SMOKE_WATTS that ticks like NVML's, the same in every process.

    Its time is the system's monotonic clock, so a second process that counts the same way must agree.
    """

    source = "nvml_counter"
    tick_s = 0.1
    poll_s = 0.01

    def __init__(self, watts: float = SMOKE_WATTS) -> None:
        self.watts = watts
        self.device = DeviceInfo("ticking meter (smoke mode)", "GPU-smoke")

    def read(self) -> Sample:
        now = time.perf_counter()
        return Sample(now, 0.0, energy_j=ticking_j(self.watts, now), power_w=self.watts, temperature_c=40.0)

    def foreign_processes(self) -> bool | None:
        return False


def ticking_j(watts: float, now_s: float, tick_s: float = TickingMeter.tick_s) -> float:
    """Energy at the last tick before `now_s` (J)."""
    return watts * int(now_s / tick_s) * tick_s


class Load:
    """A steady load: whole passes over the evaluation sentences, staged on the device."""

    def __init__(self, bench: Bench, shape: Shape, seed: int = SEED) -> None:
        import torch

        free_memory(bench.device)
        self.bench, self.shape = bench, shape
        dtype = set_precision(shape.precision)
        master = bench.master(seed)
        self.model = cut(master, len(layer_list(master)), dtype, bench.device)
        inputs = bench.inputs(shape.tokens)
        plan = batches.plan(inputs.ids.lengths, shape.batch, shape.tokens, "max_length")
        self.examples = len(inputs.ids)  # per pass
        with torch.inference_mode():
            self.staged = batches.stage(
                inputs, plan, bench.device, takes_staged_mask(self.model), first_position(self.model.config)
            )
            self._run = backends.build(shape.backend, self.model, self.staged)
        bench.synchronize()
        self.run_pass = torch.inference_mode()(self._pass)

    def _pass(self) -> None:
        for i in range(len(self.staged)):
            self._run(i)

    def run_for(self, seconds: float) -> list[float]:
        """Passes for at least `seconds`, synchronised after each; their ends, the start first (s)."""
        self.bench.synchronize()
        edges = [time.perf_counter()]
        while edges[-1] - edges[0] < seconds:
            self.run_pass()
            self.bench.synchronize()
            edges.append(time.perf_counter())
        return edges


def trial(bench: Bench, model: str, shape: Shape, replicate: int) -> TrialConfig:
    """The shape as a measuring trial of the whole model."""
    return TrialConfig(
        task=bench.data.task,
        model=model,
        seed=SEED,
        max_seq_len=shape.tokens,
        depth=len(layer_list(bench.master(SEED))),
        precision=shape.precision,
        batch_size=shape.batch,
        backend=shape.backend,
        replicate=replicate,
    )


# ---- start ------------------------------------------------------------------------------------------------


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="google-bert/bert-base-uncased", help="hub id or folder")
    parser.add_argument("--data-dir", help="folder with SST-2's dev.tsv (default: the hub)")
    parser.add_argument("--output", type=Path, help="folder for the raw numbers, NAME.json")
    parser.add_argument("--cpus", type=int, default=4, help="CPU threads of PyTorch")
    parser.add_argument(
        "--smoke", action="store_true", help=f"tiny model, meter of constant {SMOKE_WATTS:g} W: no numbers"
    )


def open_bench(arguments: argparse.Namespace) -> Bench:
    """The card with its meter, and the model: its own encoder weights, or random ones where there are none."""
    import_module("scipy.stats")  # `window.half_width` needs it: a second of import is not to fall between windows
    name, model = ("demo", "demo-bert") if arguments.smoke else ("sst2", arguments.model)
    task = get_task(name)
    data_dir = Path(arguments.data_dir) if arguments.data_dir and not arguments.smoke else None
    examples = task.load("validation", data_dir, 64 if arguments.smoke else None)
    tokenized = task.tokenize(examples, loading.load_tokenizer(model))
    no_weights = Path(model).is_dir() and not (Path(model) / loading.WEIGHTS_FILE).is_file()
    labels = task.num_labels(examples)
    own = loading.load_pretrained(model, task.head, labels, SEED, random_weights=no_weights)
    positions = max_positions(loading.load_config(model))
    data = MeasuringData(name, tokenized, trained=False, settings=Measuring(), max_positions=positions)
    files = {
        SEED: lambda: own,
        RANDOM_SEED: lambda: loading.load_pretrained(model, task.head, labels, RANDOM_SEED, random_weights=True),
    }
    bench = Bench(data, files, arguments.cpus)
    if arguments.smoke:
        bench.meter.close()
        bench.meter = TickingMeter()
    if not SOURCES[bench.meter.source].measured:
        raise SystemExit("these benchmarks need an energy sensor: see `python -m tuner.doctor`, or --smoke")
    return bench


# ---- bars and output --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A number this project promises. `value` NaN or None is a miss: what was not measured is not met."""

    name: str
    value: float | None
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.value is None or not np.isfinite(self.value):
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        relation = "at least" if self.at_least else "at most"
        value = "not measured" if self.value is None else f"{self.value:.4g}"
        return f"bar {'met' if self.met else 'MISSED'}: {self.name}: {value} ({relation} {self.limit:g})"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Plain columns, the first left-aligned, numbers with four digits; None is a dash."""
    cells = [list(header), *([_cell(v) for v in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def write_json(folder: Path | None, name: str, payload: dict[str, Any], bench: Bench, seconds: float) -> None:
    """NAME.json: the numbers, and on what they were measured."""
    if folder is None:
        return
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "benchmark": name,
        "written_at": time.time(),
        "seconds": seconds,
        "device": asdict(bench.meter.device),
        "source": bench.meter.source,
        "tick_s": bench.meter.tick_s,
        "idle_power_w": bench.idle_power_w,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    (folder / f"{name}.json").write_text(json.dumps(about | payload, default=_plain, indent=1) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)


def run_benchmark(module: ModuleType, bench: Bench, arguments: argparse.Namespace) -> int:
    """Run one benchmark on an open bench; 0 when every bar is met."""
    begin = time.perf_counter()
    print(f"== {module.NAME}: {bench.meter.device.name}", flush=True)
    payload, bars = module.run(bench, arguments)
    seconds = time.perf_counter() - begin
    payload["bars"] = [asdict(bar) | {"met": bar.met} for bar in bars]
    write_json(arguments.output, module.NAME, payload, bench, seconds)
    for bar in bars:
        print(bar)
    print(f"{module.NAME}: {seconds:.1f} s", flush=True)
    return 0 if all(bar.met for bar in bars) else 1


def parse(
    doc: str | None, add_arguments: Sequence[Callable[[argparse.ArgumentParser], None]], argv: Sequence[str]
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_arguments(parser)
    for add in add_arguments:
        add(parser)
    return parser.parse_args(argv)


def main(module: ModuleType, argv: Sequence[str]) -> int:
    """One benchmark on a bench of its own."""
    arguments = parse(module.__doc__, [module.add_arguments], argv)
    bench = open_bench(arguments)
    try:
        return run_benchmark(module, bench, arguments)
    finally:
        bench.meter.close()
