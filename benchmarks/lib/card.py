"""Benchmarks of loads on one card: their common options, the bench they share, and how one or several are run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.command import parse
from benchmarks.lib.output import write_json
from benchmarks.lib.shapes import RANDOM_SEED, SEED
from benchmarks.lib.smoke import TickingMeter
from search_spaces.errors import UsageError
from search_spaces.sweep_config import Measuring
from trainables.model import loading as encoder
from trainables.tasks import get_task
from trainables.worker import Bench, MeasuringData


@dataclass(frozen=True, kw_only=True)
class CardArguments:
    """What every benchmark on a card is asked. The arguments of one inherit it; no two add the same name."""

    model: str = "google-bert/bert-base-uncased"
    """Hub id or folder."""
    data_dir: Path | None = None
    """Folder with SST-2's dev.tsv; none: the hub."""
    output: Path | None = None
    """Folder for the raw numbers, NAME.json."""
    cpus: int = 4
    """CPU threads of PyTorch."""
    smoke: bool = False
    """A tiny model and a meter of constant power: exercises the code, measures nothing."""


A = TypeVar("A", bound=CardArguments)


@dataclass(frozen=True)
class CardBenchmark(Generic[A]):
    """`run` returns the raw numbers and the bars. `module` is what `python -m` is given."""

    module: str
    about: str | None
    arguments: type[A]
    run: Callable[[Bench, A], tuple[dict[str, Any], list[Bar]]]

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    def on(self, bench: Bench, arguments: A) -> int:
        """Run it on an open bench; exit code 0 when every bar is met."""
        begin = time.perf_counter()
        print(f"== {self.name}: {bench.meter.device.name}", flush=True)
        found, bars = self.run(bench, arguments)
        seconds = time.perf_counter() - begin
        write_json(arguments.output, self.name, self._about(bench, seconds) | found | {"bars": records(bars)})
        code = judge(bars)
        print(f"{self.name}: {seconds:.1f} s", flush=True)
        return code

    def main(self, argv: Sequence[str] | None = None) -> int:
        """The command line: this benchmark alone, on a bench of its own."""
        arguments = parse(self.arguments, self.module, self.about, argv)
        bench = open_bench(arguments)
        try:
            return self.on(bench, arguments)
        finally:
            bench.meter.close()

    def _about(self, bench: Bench, seconds: float) -> dict[str, Any]:
        """What the numbers were measured on."""
        import torch  # here, so that --help waits for neither
        import transformers

        return {
            "benchmark": self.name,
            "written_at": time.time(),
            "seconds": seconds,
            "device": asdict(bench.meter.device),
            "source": bench.meter.source,
            "tick_s": bench.meter.tick_s,
            "idle_power_w": bench.idle_power_w,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }


def open_bench(arguments: CardArguments) -> Bench:
    """The card with its meter, and the model: its own encoder weights, or random ones where there are none."""
    name, model = ("demo", "demo-bert") if arguments.smoke else ("sst2", arguments.model)
    task = get_task(name)
    data_dir = None if arguments.smoke else arguments.data_dir
    examples = task.load("validation", data_dir, 64 if arguments.smoke else None)
    tokenized = task.tokenize(examples, encoder.load_tokenizer(model))
    no_weights = Path(model).is_dir() and not (Path(model) / encoder.WEIGHTS_FILE).is_file()
    labels = task.num_labels(examples)
    own = encoder.load_pretrained(model, task.head, labels, SEED, random_weights=no_weights)
    positions = encoder.max_positions(encoder.load_config(model))
    data = MeasuringData(name, tokenized, trained=False, settings=Measuring(), max_positions=positions)
    files = {
        SEED: lambda: own,
        RANDOM_SEED: lambda: encoder.load_pretrained(model, task.head, labels, RANDOM_SEED, random_weights=True),
    }
    bench = Bench(data, files, arguments.cpus)
    if arguments.smoke:
        bench.meter.close()
        bench.meter = TickingMeter()
    if bench.meter.source == "estimate":
        raise UsageError("these benchmarks need an energy sensor: see `python -m tuner.doctor`, or give --smoke")
    return bench
