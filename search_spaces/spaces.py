"""From axes to trials: the product of the axes in a seeded order."""

import random
from itertools import product

from search_spaces.config import TrialConfig
from search_spaces.errors import check
from search_spaces.sweep_config import FULL_DEPTH, SweepConfig


def even_depths(layers: int, steps: int = 6) -> tuple[int, ...]:
    """At most `steps` even steps that end at the full depth: 12 -> 2 4 6 8 10 12, 6 -> 1 2 3 4 5 6."""
    return tuple(sorted({max(1, round(layers * i / steps)) for i in range(1, steps + 1)}))


def depths(config: SweepConfig, layers: int) -> tuple[int, ...]:
    """The depths of the sweep on its model, which has so many layers; a deeper one is a `UsageError`."""
    if config.axes.depth is None:
        return even_depths(layers)
    found = tuple(layers if depth == FULL_DEPTH else depth for depth in config.axes.depth)
    check(
        len(set(found)) == len(found),
        f"the values of depth must differ, and full is {layers} for {config.model}",
        config.axes.depth,
        "drop the repeats",
    )
    check(
        max(found) <= layers,
        f"depth must be at most {layers}, the layers of {config.model}",
        max(found),
        f"give depths from 1 to {layers}",
    )
    return found


def grid(config: SweepConfig, layers: int, max_positions: int) -> list[TrialConfig]:
    """Every trial of the sweep, shuffled over axes, seeds and replicates by `config.order_seed`.

    `layers` and `max_positions` (tokens) are the model's; a value beyond them is a `UsageError`.
    """
    axes = config.axes
    for length in axes.max_seq_len:
        check(
            length <= max_positions,
            f"max_seq_len must be at most {max_positions}, the positions of {config.model}",
            length,
            "give shorter lengths",
        )
    trials = [
        TrialConfig(
            config.task, config.model, seed, length, depth, precision, batch, padding, backend, replicate
        )
        for seed, length, depth, precision, batch, padding, backend, replicate in product(
            config.seeds,
            axes.max_seq_len,
            depths(config, layers),
            axes.precision,
            axes.batch_size,
            axes.padding,
            axes.backend,
            range(config.replicates),
        )
    ]
    random.Random(config.order_seed).shuffle(trials)  # noqa: S311 (an order, not a secret)
    return trials
