"""Does measuring on one card disturb its neighbours? J/example and ms/example on one card, the others idle or busy.

    python -m benchmarks.neighbours --model DIR --data-dir DIR --output DIR
    python -m benchmarks.neighbours --draw DIR/neighbours.json

The card that measures is the first; every other card of the host has a process that is idle, or runs the hottest load
(fp32, eager), or the one that keeps its host thread busiest (launch-bound, eager), in turn. What cards could share is
power, heat and cores of the host. Measured under each: the anchor's load (fp16, 128 tokens, batch 256, a CUDA graph),
which sees the first two, and a launch-bound one, which sees the third. Ratios are taken within a round, over the idle
neighbours of that round. No bar: it says how far apart a sweep's trials are that ran beside others.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.cli import run_command

if TYPE_CHECKING:
    from benchmarks.common import Load
    from trainables.worker import Bench

NAME = "neighbours"
STATES = ("idle", "hot", "launch-bound")  # of the neighbours, idle first: the others are compared with it
SETTLE_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, help="rounds of idle, hot and launch-bound neighbours")
    parser.add_argument("--stretch-s", type=float, default=2.0, help="measured load in each part of a round (s)")


# ---- the neighbours ---------------------------------------------------------------------------------------


class Neighbour:
    """A process that works on another card. It is told a state in a line and answers it once the load runs."""

    def __init__(self, card: str | None, arguments: argparse.Namespace) -> None:
        command = [sys.executable, "-m", "benchmarks.neighbours", "--be-a-neighbour"]
        command += ["--model", arguments.model]
        command += ["--data-dir", arguments.data_dir] if arguments.data_dir else []
        command += ["--cpus", str(arguments.cpus), *(["--smoke"] if arguments.smoke else [])]
        shown = {} if card is None else {"CUDA_VISIBLE_DEVICES": card}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | shown
        )

    def tell(self, state: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(state + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("a neighbour has ended; see its error above") from None

    def wait(self, state: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == state:
                return
        raise RuntimeError("a neighbour has ended; see its error above")

    def __enter__(self) -> "Neighbour":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def serve(arguments: argparse.Namespace) -> int:
    """A neighbour's life: run the load of the last line read, until there are no more lines."""
    from benchmarks.common import HOT, LAUNCH_BOUND, Load, open_bench, shape_for

    bench = open_bench(arguments)
    loads = {"hot": Load(bench, shape_for(bench, HOT)), "launch-bound": Load(bench, shape_for(bench, LAUNCH_BOUND))}
    told = ["idle"]  # the last is what to do; None ends it

    def listen() -> None:
        told.extend(line.strip() for line in sys.stdin)
        told.append("end")

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    answered = 1
    while (state := told[-1]) != "end":
        if state in loads:
            _set_precision(loads[state])
            loads[state].run_for(0.1)
        else:
            time.sleep(0.02)
        if len(told) > answered:
            answered = len(told)
            print(told[-1], flush=True)
    bench.meter.close()
    return 0


def _set_precision(load: "Load") -> None:
    """Process-wide switches of a precision: two loads of different ones take turns here."""
    from trainables.device import set_precision

    set_precision(load.shape.precision)


# ---- measuring --------------------------------------------------------------------------------------------


def run(bench: "Bench", arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    import torch

    from benchmarks.common import GPU_BOUND, LAUNCH_BOUND, Load, shape_for, table

    cuda = bench.device.type == "cuda"
    cards = _other_cards(torch.cuda.device_count()) if cuda else [None]
    if not cards:
        raise SystemExit("neighbours needs a host with two cards or more, but this process sees one")
    stretches = []
    with ExitStack() as stack:
        neighbours = [stack.enter_context(Neighbour(card, arguments)) for card in cards]
        loads = {
            "anchor": Load(bench, shape_for(bench, GPU_BOUND, "cuda_graph" if cuda else "eager")),
            "launch-bound": Load(bench, shape_for(bench, LAUNCH_BOUND)),
        }
        for neighbour in neighbours:
            neighbour.wait("ready")
        for number in range(arguments.rounds):
            # The order turns, so that what drifts with time is not taken for a neighbour's.
            for state in STATES[number % len(STATES) :] + STATES[: number % len(STATES)]:
                for neighbour in neighbours:
                    neighbour.tell(state)
                for neighbour in neighbours:
                    neighbour.wait(state)
                time.sleep(SETTLE_S if cuda else 0)
                for name, load in loads.items():
                    stretches.append({"round": number, "neighbours": state, "load": name}
                                     | _stretch(load, arguments.stretch_s))  # fmt: skip
    compared = ratios(stretches)
    print(
        table(
            ("load", "neighbours", "mJ/example", "J ratio", "lowest", "highest", "ms ratio", "lowest", "highest"),
            [
                (c["load"], c["neighbours"], c["energy_j_per_example"] * 1e3, *_spread(c["energy"]),
                 *_spread(c["latency"]))
                for c in compared
            ],
        )
    )  # fmt: skip
    return {"neighbours": len(cards), "stretches": stretches, "compared": compared}, []


def _other_cards(count: int) -> list[str]:
    """All but the first of the cards that this process sees, as CUDA_VISIBLE_DEVICES names them."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (shown.split(",") if shown else [str(i) for i in range(count)])[1:]


def _stretch(load: "Load", seconds: float) -> dict[str, float]:
    """J/example, ms/example, W and C of one stretch of load, warmed up for a quarter of it."""
    from search_spaces.sweep_config import Measuring
    from trainables.energy.sampler import Sampler
    from trainables.window import measure

    _set_precision(load)
    settings = Measuring(
        warmup_s=seconds / 4, min_window_s=seconds / 2, min_windows=2, min_total_s=seconds, max_measure_s=seconds
    )
    with Sampler(load.bench.meter) as sampler:
        windows = measure(load.run_pass, load.bench.synchronize, sampler, settings)
    examples = load.examples * int(windows.passes.sum())
    seconds = float(windows.durations_s.sum())
    energy_j = float(np.sum(windows.energies.energy_j))
    return {
        "energy_j_per_example": energy_j / examples,
        "latency_ms_per_example": 1e3 * seconds / examples,
        "mean_power_w": energy_j / seconds,
        "temperature_c": windows.energies.temperature_end_c,
    }


def ratios(stretches: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per load and state of the neighbours: median J/example, and each round's energy and latency over those beside
    idle neighbours in the same round."""
    at = {(s["load"], s["neighbours"], s["round"]): s for s in stretches}
    rounds = sorted({s["round"] for s in stretches})
    found = []
    for load in dict.fromkeys(s["load"] for s in stretches):
        for state in STATES:
            own = [at[load, state, n] for n in rounds]
            alone = [at[load, STATES[0], n] for n in rounds]
            found.append(
                {
                    "load": load,
                    "neighbours": state,
                    "energy_j_per_example": float(np.median([s["energy_j_per_example"] for s in own])),
                    **{
                        name: [a[key] / b[key] for a, b in zip(own, alone, strict=True)]
                        for name, key in (("energy", "energy_j_per_example"), ("latency", "latency_ms_per_example"))
                    },
                }
            )
    return found


def _spread(values: Sequence[float]) -> tuple[str, str, str]:
    return f"{np.median(values):.4f}", f"{min(values):.4f}", f"{max(values):.4f}"


def draw(payload: dict[str, Any], file: Path) -> None:
    """Each round's ratio to idle neighbours: energy and time, one panel per load."""
    from analysis.figures.style import BLUE, INK, MUTED, PAGE_WIDTH_IN, VERMILLION, new_figure, styled

    with styled():
        figure, panels = new_figure(width_in=PAGE_WIDTH_IN, columns=2)
        for panel, load in zip(panels, ("anchor", "launch-bound"), strict=True):
            own = [c for c in payload["compared"] if c["load"] == load and c["neighbours"] != STATES[0]]
            panel.axhline(0, color=MUTED, lw=0.8)
            for x, entry in enumerate(own):
                for shift, name, color, marker in ((-0.12, "energy", BLUE, "o"), (0.12, "latency", VERMILLION, "s")):
                    values = 100 * (np.array(entry[name]) - 1)
                    spread = np.linspace(-0.05, 0.05, len(values))
                    label = None if x else {"energy": "J/example", "latency": "ms/example"}[name]
                    panel.plot(x + shift + spread, values, marker, color=color, ms=3.5, alpha=0.7, label=label)
                    panel.plot([x + shift - 0.09, x + shift + 0.09], [np.median(values)] * 2, color=INK, lw=1.2)
            panel.set_xticks(range(len(own)), [f"{c['neighbours']} neighbour" for c in own])
            panel.set_xlim(-0.5, len(own) - 0.5)
            panel.set_title({"anchor": "The anchor (GPU-bound)", "launch-bound": "Launch-bound"}[load])
            panel.set_ylabel("Against an idle neighbour (%)")
        panels[0].legend(loc="best")
        figure.savefig(file)


def main(argv: Sequence[str]) -> int:
    from benchmarks import common

    if "--draw" in argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--draw", type=Path)
        file = parser.parse_args(argv).draw
        draw(json.loads(file.read_text()), file.with_suffix(".png"))
        return 0
    if "--be-a-neighbour" in argv:
        return serve(common.parse(__doc__, [], [a for a in argv if a != "--be-a-neighbour"]))
    return common.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
