"""Replay the recorded runs with every model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.arrays import Bools, Floats
from benchmarks.experiments.replicates import Arguments
from benchmarks.experiments.replicates.models import MODELS, Kept
from benchmarks.experiments.replicates.recorded import CHOSEN, JUDGED, Repeated, repeated
from benchmarks.lib.output import table, write_json

CLASSES = {"below 230 W": (0, 230), "230 to 520 W": (230, 520), "above 520 W": (520, 1e9)}
MISS = 2 / 0.05  # of the interval score
WIDEST = 5.0  # half-width of a log ratio; wider ones count as this
HEAD = ("run", "repeated", "model", "held", "of", "share", "score", *(f"{c}: held, score" for c in CLASSES))


def run(arguments: Arguments) -> int:
    """Print a line per run, number of repeated configurations and model; of the last, each configuration takes its turn
    of being measured once."""
    lines: list[tuple[Any, ...]] = []
    for use, runs in (("chosen", CHOSEN), ("judged", JUDGED)):
        for name, tables in runs.items():
            trials = repeated(tables)
            counts = [k for k in arguments.repeated if k < len(trials) - 1]
            for count in (*counts, len(trials) - 1):
                splits = list(_splits(len(trials), count, arguments.splits))
                for model in MODELS:
                    lines.append((f"{use}: {name}", count, model, *_judged(trials, splits, model)))
    print(table(HEAD, lines))
    write_json(arguments.output, "replicates", [dict(zip(HEAD, line, strict=True)) for line in lines])
    return 0


def _splits(size: int, count: int, splits: int) -> Iterator[tuple[Bools, int]]:
    """Which configurations keep all their trials, and the seed that draws those of the others."""
    for seed in range(size if count == size - 1 else splits):
        yield (
            np.arange(size) != seed if count == size - 1 else np.random.default_rng(seed).permutation(size) < count,
            seed,
        )


def _judged(trials: list[Repeated], splits: list[tuple[Bools, int]], model: str) -> tuple[Any, ...]:
    """(held, of, share, mean score, then held of how many and score in each class)."""
    held, score, power = (np.concatenate(part) for part in zip(*(_one(trials, *s, model) for s in splits), strict=True))
    classes = []
    for low, high in CLASSES.values():
        at = (power >= low) & (power < high)
        classes.append(f"{held[at].sum():.0f}/{at.sum()}, {score[at].mean():.3g}" if at.any() else None)
    return int(held.sum()), len(held), float(held.mean()), float(score.mean()), *classes


def _one(trials: list[Repeated], keeps: Bools, seed: int, model: str) -> tuple[Floats, Floats, Floats]:
    """(does the interval hold the held-out trial, interval score in percent, W) of each configuration kept once."""
    rng = np.random.default_rng([seed, 1])  # the same draws for every model
    kept, mean, left = [], [], []
    for one, whole in zip(trials, keeps, strict=True):
        order = rng.permutation(len(one.energy))
        own = order if whole else order[:1]
        energy = one.energy[own]
        sd = energy.std(ddof=1) / energy.mean() if len(own) > 1 else np.nan
        within = float(np.sqrt((one.within[own] ** 2).mean()))
        kept.append((sd, len(own), within, (one.windows[own] - 1).sum(), one.power[own].mean()))
        mean.append(energy.mean())
        left.append(one.energy[order[1]])
    seen = Kept(*np.array(kept, dtype=float).T)
    sd, freedom = MODELS[model](seen)
    half = np.minimum(stdtrit(freedom, 0.975) * sd * np.sqrt(2), WIDEST)[~keeps]
    away = np.abs(np.log(np.array(left) / np.array(mean)))[~keeps]
    return away <= half, 100 * (2 * half + MISS * np.maximum(away - half, 0)), seen.power[~keeps]
