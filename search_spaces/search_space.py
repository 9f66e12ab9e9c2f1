"""The points a search may try: the product of the axes less what cannot run, with neighbours and start points."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from search_spaces.errors import check
from search_spaces.grid import depths
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import PRECISIONS, TrialConfig

AXES = ("max_seq_len", "depth", "precision", "batch_size", "padding", "backend")
ORDERED = ("max_seq_len", "depth", "batch_size")  # the others are names without an order
BASELINE_BATCH = 64

Point = tuple[Any, ...]  # one value per axis, in the order of AXES


@dataclass(frozen=True)
class Rule:
    """A combination that cannot run on a kind of device: a constraint of the space, not a failure to learn from."""

    device: str  # "cuda" or "cpu"
    why: str
    values: tuple[tuple[str, tuple[str, ...]], ...]  # axis, values; forbidden where all of them hold

    def forbids(self, point: dict[str, Any], device: str) -> bool:
        return device == self.device and all(point[axis] in values for axis, values in self.values)


RULES = (
    Rule("cpu", "CUDA graphs need a CUDA device", (("backend", ("cuda_graph", "compile_cuda_graph")),)),
    Rule("cpu", "fp8 needs a CUDA device", (("precision", ("fp8",)),)),
    Rule(
        "cuda",
        "variable-length attention runs in half precision only",
        (("padding", ("packed",)), ("precision", ("fp32", "tf32"))),
    ),
)


@dataclass(frozen=True)
class SearchSpace:
    """Values of each axis (ordered axes ascending), for one task, model and seed on one kind of device."""

    task: str
    model: str
    seed: int
    values: tuple[tuple[Any, ...], ...]  # per axis of AXES
    device: str = "cuda"

    @classmethod
    def of(cls, config: SweepConfig, layers: int, max_positions: int, device: str) -> "SearchSpace":
        """The space of a sweep's axes. `layers` and `max_positions` (tokens) are the model's; values beyond
        them, several seeds and an empty space are UsageErrors."""
        check(len(config.seeds) == 1, "a search takes one seed", config.seeds, "give one, such as --seeds 42")
        axes = config.axes
        check(
            max(axes.max_seq_len) <= max_positions,
            f"max_seq_len must be at most {max_positions}, the positions of {config.model}",
            max(axes.max_seq_len),
            "give shorter lengths",
        )
        given = {name: getattr(axes, name) for name in AXES} | {"depth": depths(config, layers)}
        values = tuple(tuple(sorted(given[n])) if n in ORDERED else tuple(given[n]) for n in AXES)
        space = cls(config.task, config.model, config.seeds[0], values, device)
        check(
            bool(space.points),
            f"at least one configuration must be able to run on {device}",
            "none",
            "; ".join(rule.why for rule in RULES if rule.device == device) + "; add other values",
        )
        return space

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Every point that can run."""
        return tuple(p for p in product(*self.values) if self.allows(p))

    def allows(self, point: Point) -> bool:
        """Whether the point is in the space and can run."""
        if any(v not in values for v, values in zip(point, self.values, strict=True)):
            return False
        named = dict(zip(AXES, point, strict=True))
        return not any(rule.forbids(named, self.device) for rule in RULES)

    def trial(self, point: Point, replicate: int = 0) -> TrialConfig:
        """The measuring trial of a point."""
        named = dict(zip(AXES, point, strict=True))
        return TrialConfig(self.task, self.model, self.seed, **named, replicate=replicate)

    # ---- parameters: what a sampler sees ----

    @cached_property
    def distributions(self) -> dict[str, tuple[Any, ...] | int]:
        """Parameter -> the values of a name without an order, or the number of steps of an ordered axis.

        Ordered axes are searched by their position ("max_seq_len_step", from 0), so that a sampler knows that
        48 tokens lie between 40 and 64.
        """
        return {
            f"{axis}_step" if axis in ORDERED else axis: len(values) if axis in ORDERED else values
            for axis, values in zip(AXES, self.values, strict=True)
        }

    def params(self, point: Point) -> dict[str, Any]:
        """Sampler parameters of a point."""
        return {
            name: values.index(v) if isinstance(kind, int) else v
            for (name, kind), values, v in zip(self.distributions.items(), self.values, point, strict=True)
        }

    def point(self, params: dict[str, Any]) -> Point:
        """The point of sampler parameters."""
        return tuple(
            values[params[name]] if isinstance(kind, int) else params[name]
            for (name, kind), values in zip(self.distributions.items(), self.values, strict=True)
        )

    # ---- where to begin, and where to go instead ----

    @property
    def baseline(self) -> Point:
        """What the recommendation compares with: the most exact precision, longest, deepest, batch 64, padded,
        eager, as far as the space has them."""
        preferred = {
            "precision": lambda v: PRECISIONS.index(v),
            "max_seq_len": lambda v: -v,
            "depth": lambda v: -v,
            "batch_size": lambda v: abs(v - BASELINE_BATCH),
            "padding": lambda v: v != "max_length",
            "backend": lambda v: v != "eager",
        }
        key = [preferred[axis] for axis in AXES]
        order = [
            AXES.index(a) for a in ("precision", "max_seq_len", "depth", "batch_size", "padding", "backend")
        ]
        return min(self.points, key=lambda p: [key[i](p[i]) for i in order])

    @property
    def start_points(self) -> list[Point]:
        """The baseline, then every point that differs from it in one axis: at the ends of an ordered axis, at
        each other name of the others."""
        base = self.baseline
        found = [base]
        for i, (axis, values) in enumerate(zip(AXES, self.values, strict=True)):
            ends = (values[0], values[-1]) if axis in ORDERED else values
            for value in dict.fromkeys(ends):
                point = (*base[:i], value, *base[i + 1 :])
                if value != base[i] and self.allows(point):
                    found.append(point)
        return found

    def nearest(self, point: Point, taken: Collection[Point], rng: random.Random) -> Point | None:
        """The point that is not `taken` and differs least from `point`; ties by `rng`; None where all are taken."""
        spans = [max(len(values) - 1, 1) for values in self.values]
        steps = [{v: i for i, v in enumerate(values)} for values in self.values]

        def distance(other: Point) -> float:
            total = 0.0
            for axis, a, b, step, span in zip(AXES, point, other, steps, spans, strict=True):
                if a != b:
                    total += abs(step[a] - step[b]) / span if axis in ORDERED else 1.0
            return total

        best: list[Point] = []
        least = float("inf")
        for other in self.points:
            if other in taken:
                continue
            d = distance(other)
            if d < least - 1e-12:
                best, least = [other], d
            elif d <= least + 1e-12:
                best.append(other)
        return rng.choice(best) if best else None
