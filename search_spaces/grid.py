"""From axes to trials: the product of the axes, for each model its own, in a seeded order."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import product
from typing import Any

from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.models import Limits, NamedModel
from search_spaces.sweep_config import FULL_DEPTH, SweepConfig
from search_spaces.trial_config import TrialConfig


def even_depths(layers: int, steps: int = 6) -> tuple[int, ...]:
    """At most `steps` even steps that end at the full depth: 12 -> 2 4 6 8 10 12, 6 -> 1 2 3 4 5 6."""
    return tuple(sorted({max(1, round(layers * i / steps)) for i in range(1, steps + 1)}))


def depths(config: SweepConfig, model: NamedModel, limits: Limits) -> tuple[int, ...]:
    """The depths of the sweep on a model. UsageError where none of them is one of it, or it is the only model and does
    not have all of them."""
    layers = limits.layers
    if config.axes.depth is None:
        return even_depths(layers)
    found = tuple(layers if depth == FULL_DEPTH else depth for depth in config.axes.depth)
    within = tuple(depth for depth in found if depth <= layers)
    if len(config.models) == 1:
        check(
            len(set(found)) == len(found),
            f"the values of depth must differ, and full is {layers} for {model.source}",
            config.axes.depth,
            "drop the repeats",
        )
    check(
        within == found or (len(config.models) > 1 and bool(within)),
        f"depth must be at most {layers}, the layers of {model.source}",
        max(found),
        f"give depths from 1 to {layers}",
    )
    return tuple(dict.fromkeys(within))


def lengths(config: SweepConfig, model: NamedModel, limits: Limits) -> tuple[int, ...]:
    """The lengths of the sweep on a model, as `depths`."""
    found = config.axes.max_seq_len
    within = tuple(length for length in found if length <= limits.max_positions)
    check(
        within == found or (len(config.models) > 1 and bool(within)),
        f"max_seq_len must be at most {limits.max_positions}, the positions of {model.source}",
        max(found),
        "give shorter lengths",
    )
    return within


def values(config: SweepConfig, model: NamedModel, limits: Limits) -> dict[str, tuple[Any, ...]]:
    """The values of each axis but the model's, on one of the sweep's models. UsageError as `depths`."""
    axes = config.axes
    own = {"max_seq_len": lengths(config, model, limits), "depth": depths(config, model, limits)}
    return {f.name: tuple(getattr(axes, f.name) or ()) for f in fields(axes)} | own


def left_out(config: SweepConfig, limits: Sequence[Limits]) -> list[str]:
    """What of the axes some model, engine or backend does not have, a sentence each. `limits`: of each of the sweep's
    models."""
    said = []
    for backend in config.axes.backend:
        engine, beyond = BACKENDS[backend].engine, [p for p in config.axes.precision if _never(backend, p)]
        if engine is not None and beyond:
            has = ", ".join(engine.any_precision)
            said.append(f"precision {' '.join(beyond)} is left out for {backend}, which has {has}")
        if others := [padding for padding in config.axes.padding if not BACKENDS[backend].takes(padding)]:
            only = BACKENDS[backend].padding
            said.append(f"padding {' '.join(others)} is left out for {backend}, which takes {only} inputs alone")
    for model, own in zip(config.models, limits, strict=True):
        asked = {
            ("depth", "layers", own.layers): [d for d in config.axes.depth or () if d != FULL_DEPTH and d > own.layers],
            ("max_seq_len", "positions", own.max_positions): sorted(
                set(config.axes.max_seq_len) - set(lengths(config, model, own))
            ),
        }
        said += [
            f"{axis} {' '.join(map(str, beyond))} is left out for {model.slug}, which has {most} {unit}"
            for (axis, unit, most), beyond in asked.items()
            if beyond
        ]
    return said


def grid(config: SweepConfig, limits: Sequence[Limits]) -> list[TrialConfig]:
    """Every trial of the sweep, in the order of `shuffled`. `limits`: of each of its models. UsageError where nothing
    is left of it."""
    own = [(model, values(config, model, limit)) for model, limit in zip(config.models, limits, strict=True)]
    trials = [
        config.axes.trial_type(
            config.task, model.name, seed, **dict(zip(named, point, strict=True)), replicate=replicate
        )
        for model, named in own
        for seed, *point, replicate in product(config.seeds, *named.values(), range(config.replicates))
        if _exists(dict(zip(named, point, strict=True)))
    ]
    left = [trial for trial in trials if not _never(trial.backend, trial.precision)]
    check(
        len(left) > 0,
        f"precision must have one that {' or '.join(config.axes.backend)} computes in",
        config.axes.precision,
        "add fp32",
    )
    return shuffled(left, config.order_seed)


def _exists(point: Mapping[str, Any]) -> bool:
    """Not where a backend takes another padding alone (`left_out`)."""
    return BACKENDS[point["backend"]].takes(point["padding"])


def shuffled(trials: Sequence[TrialConfig], seed: int) -> list[TrialConfig]:
    """Over axes, models, seeds and replicates, so that drift does not line up with any of them.

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


def _never(backend: str, precision: str) -> bool:
    """Is there no device where an engine computes in the precision?"""
    engine = BACKENDS[backend].engine
    return engine is not None and precision not in engine.any_precision


def _program(trial: TrialConfig) -> tuple[Any, ...] | None:
    """What trials of one compiled program have in common; None where nothing is compiled."""
    if not BACKENDS[trial.backend].compiles:
        return None
    shared = (f.name for f in fields(trial) if f.name not in ("seed", "backend"))
    return tuple(getattr(trial, name) for name in shared)
