"""From axes to trials: the product of the axes in a seeded order."""

import random
from collections.abc import Sequence
from dataclasses import fields
from itertools import product
from typing import Any

from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.sweep_config import FULL_DEPTH, SweepConfig
from search_spaces.trial_config import TrialConfig


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
        f"the values of depth must differ, and full is {layers} for {config.source}",
        config.axes.depth,
        "drop the repeats",
    )
    check(
        max(found) <= layers,
        f"depth must be at most {layers}, the layers of {config.source}",
        max(found),
        f"give depths from 1 to {layers}",
    )
    return found


def values(config: SweepConfig, layers: int, max_positions: int) -> dict[str, tuple[Any, ...]]:
    """The values of each axis on the sweep's model, which has so many layers and positions (tokens); a value beyond
    them is a `UsageError`."""
    axes = config.axes
    check(
        max(axes.max_seq_len) <= max_positions,
        f"max_seq_len must be at most {max_positions}, the positions of {config.source}",
        max(axes.max_seq_len),
        "give shorter lengths",
    )
    return {f.name: tuple(getattr(axes, f.name) or ()) for f in fields(axes)} | {"depth": depths(config, layers)}


def grid(config: SweepConfig, layers: int, max_positions: int) -> list[TrialConfig]:
    """Every trial of the sweep, in the order of `shuffled`; the other arguments are those of `values`."""
    named = values(config, layers, max_positions)
    trials = [
        config.axes.trial_type(
            config.task, config.source, seed, **dict(zip(named, point, strict=True)), replicate=replicate
        )
        for seed, *point, replicate in product(config.seeds, *named.values(), range(config.replicates))
    ]
    return shuffled(trials, config.order_seed)


def shuffled(trials: Sequence[TrialConfig], seed: int) -> list[TrialConfig]:
    """Over axes, seeds and replicates, so that drift does not line up with any of them.

    Compiling is dear, so trials of one compiled program (the two compiling backends, other seeds) follow each other
    and are shuffled as one; but not the replicates of one configuration, which drift would then make alike.
    """
    rng = random.Random(seed)  # noqa: S311 (an order, not a secret)
    groups: dict[Any, list[TrialConfig]] = {}
    for trial in trials:
        groups.setdefault(_program(trial) or trial, []).append(trial)
    order = list(groups.values())
    rng.shuffle(order)
    for group in order:
        if len(group) > 1:
            rng.shuffle(group)
    return [trial for group in order for trial in group]


def _program(trial: TrialConfig) -> tuple[Any, ...] | None:
    """What trials of one compiled program have in common; None where nothing is compiled."""
    if not BACKENDS[trial.backend].compiles:
        return None
    shared = (f.name for f in fields(trial) if f.name not in ("seed", "backend"))
    return tuple(getattr(trial, name) for name in shared)
