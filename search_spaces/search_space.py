"""The points a search may try: the product of the axes less what cannot run, with neighbours and start points."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import product
from typing import Any

from search_spaces import grid
from search_spaces.axes import AXES
from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.precisions import PRECISIONS
from search_spaces.sweep_config import Axes, SweepConfig
from search_spaces.trial_config import TrialConfig

Point = tuple[Any, ...]  # one value per axis, in the order of a space's `axes`


def cannot_run(configuration: Mapping[str, Any], device: str) -> str | None:
    """Why a configuration cannot run on a kind of device ("cuda", "cpu"), None where it can: a constraint of the
    space, not a failure to learn from."""
    precision, backend = PRECISIONS[configuration["precision"]], BACKENDS[configuration["backend"]]
    if device == "cpu":
        lacking = [name for name, known in ((backend.name, backend.cpu), (precision.name, precision.cpu)) if not known]
        return f"{lacking[0]} needs a CUDA device" if lacking else None
    if configuration["padding"] == "packed" and not precision.half:
        return "variable-length attention runs in half precision only"
    return None


@dataclass(frozen=True)
class SearchSpace:
    """Values of each axis (ordered axes ascending), for one task, model and seed on one kind of device."""

    task: str
    model: str
    seed: int
    values: tuple[tuple[Any, ...], ...]  # per axis
    device: str = "cuda"
    axes: tuple[str, ...] = tuple(f.name for f in fields(Axes))
    trial_type: type[TrialConfig] = TrialConfig

    @classmethod
    def of(cls, config: SweepConfig, layers: int, max_positions: int, device: str) -> "SearchSpace":
        """The space of a sweep's axes. `layers` and `max_positions` (tokens) are the model's; values beyond
        them, several seeds and an empty space are UsageErrors."""
        check(len(config.seeds) == 1, "a search takes one seed", config.seeds, "give one, such as --seeds 42")
        given = grid.values(config, layers, max_positions)
        values = tuple(tuple(sorted(v)) if AXES[n].ordered else v for n, v in given.items())
        space = cls(config.task, config.source, config.seeds[0], values, device, tuple(given), config.axes.trial_type)
        if not space.points:
            every = (space.named(point) for point in product(*values))
            why = dict.fromkeys(filter(None, (cannot_run(point, device) for point in every)))
            rule = f"at least one configuration must be able to run on {device}"
            check(False, rule, "none", f"{'; '.join(why)}; add other values")
        return space

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Every point that can run."""
        return tuple(p for p in product(*self.values) if self.allows(p))

    def allows(self, point: Point) -> bool:
        """Whether the point is in the space and can run."""
        if any(v not in values for v, values in zip(point, self.values, strict=True)):
            return False
        return cannot_run(self.named(point), self.device) is None

    def named(self, point: Point) -> dict[str, Any]:
        """Axis -> value."""
        return dict(zip(self.axes, point, strict=True))

    def trial(self, point: Point, replicate: int = 0) -> TrialConfig:
        """The measuring trial of a point."""
        return self.trial_type(self.task, self.model, self.seed, **self.named(point), replicate=replicate)

    # ---- parameters: what a sampler sees ----

    @cached_property
    def distributions(self) -> dict[str, tuple[Any, ...] | int]:
        """Parameter -> the values of a name without an order, or the number of steps of an ordered axis.

        Ordered axes are searched by their position ("max_seq_len_step", from 0), so that a sampler knows that
        48 tokens lie between 40 and 64.
        """
        return {
            f"{axis}_step" if AXES[axis].ordered else axis: len(values) if AXES[axis].ordered else values
            for axis, values in zip(self.axes, self.values, strict=True)
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
        order = [(self.axes.index(name), axis.from_baseline) for name, axis in AXES.items() if name in self.axes]
        return min(self.points, key=lambda p: [distance(p[i]) for i, distance in order])

    @property
    def start_points(self) -> list[Point]:
        """The baseline, then every point that differs from it in one axis: at the ends of an ordered axis, at
        each other name of the others."""
        base = self.baseline
        found = [base]
        for i, (axis, values) in enumerate(zip(self.axes, self.values, strict=True)):
            ends = (values[0], values[-1]) if AXES[axis].ordered else values
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
            for axis, a, b, step, span in zip(self.axes, point, other, steps, spans, strict=True):
                if a != b:
                    total += abs(step[a] - step[b]) / span if AXES[axis].ordered else 1.0
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
