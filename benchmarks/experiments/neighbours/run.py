"""Two loads on the first card beside idle and busy others, in rounds."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from benchmarks.experiments.neighbours import STATES, Arguments
from benchmarks.experiments.neighbours.neighbour import Neighbour
from benchmarks.lib.bars import Bar
from benchmarks.lib.loads import Load
from benchmarks.lib.output import table
from benchmarks.lib.shapes import GPU_BOUND, LAUNCH_BOUND, graph_backend, on_gpu, shape_for
from search_spaces.errors import UsageError
from search_spaces.sweep_config import Measuring
from trainables.device import set_precision
from trainables.worker import Worker

SETTLE_S = 1.0


def run(bench: Worker, arguments: Arguments) -> tuple[dict[str, Any], list[Bar]]:
    """Rounds of both loads beside every state of the neighbours; no bars."""
    cards = _other_cards() if on_gpu(bench) else [None]
    if not cards:
        raise UsageError("neighbours needs a host with two cards or more, but this process sees one")
    stretches: list[dict[str, Any]] = []
    with ExitStack() as stack:
        neighbours = [stack.enter_context(Neighbour(card, arguments)) for card in cards]
        loads = {
            "anchor": Load(bench, shape_for(bench, GPU_BOUND, graph_backend(bench))),
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
                time.sleep(SETTLE_S if on_gpu(bench) else 0)
                for name, load in loads.items():
                    where = {"round": number, "neighbours": state, "load": name}
                    stretches.append(where | _stretch(load, arguments.stretch_s))
    compared = ratios(stretches)
    print(
        table(
            ("load", "neighbours", "mJ/example", "J ratio", "lowest", "highest", "ms ratio", "lowest", "highest"),
            [
                (
                    c["load"],
                    c["neighbours"],
                    c["energy_j_per_example"] * 1e3,
                    *_spread(c["energy"]),
                    *_spread(c["latency"]),
                )
                for c in compared
            ],
        )
    )
    return {"neighbours": len(cards), "stretches": stretches, "compared": compared}, []


def _other_cards() -> list[str]:
    """All but the first of the cards that this process sees, as CUDA_VISIBLE_DEVICES names them."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (shown.split(",") if shown else [str(i) for i in range(torch.cuda.device_count())])[1:]


def _stretch(load: Load, seconds: float) -> dict[str, float | None]:
    """J/example, ms/example, W and C of one stretch of load, warmed up for a quarter of it."""
    set_precision(load.shape.precision)  # process-wide: two loads of different ones take turns here
    settings = Measuring(
        warmup_s=seconds / 4, min_window_s=seconds / 2, min_windows=2, min_total_s=seconds, max_measure_s=seconds
    )
    windows, _ = load.measure(settings)
    examples, measured_s = load.examples_in(windows), float(windows.durations_s.sum())
    energy_j = float(np.sum(windows.energies.energy_j))
    return {
        "energy_j_per_example": energy_j / examples,
        "latency_ms_per_example": 1e3 * measured_s / examples,
        "mean_power_w": energy_j / measured_s,
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
