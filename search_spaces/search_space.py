"""The points a search may try: the product of the axes less what cannot run, with neighbours and start points."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import product
from typing import Any

from search_spaces import grid
from search_spaces.axes import AXES
from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.models import Limits
from search_spaces.precisions import PRECISIONS
from search_spaces.sweep_config import Axes, SweepConfig
from search_spaces.trial_config import TrialConfig

Point = tuple[Any, ...]  # one value per axis, in the order of a space's `axes`


def cannot_run(configuration: Mapping[str, Any], device: str) -> str | None:
    """Why a configuration cannot run on a kind of device ("cuda", "cpu"), None where it can: a constraint of the
    space, not a failure to learn from."""
    precision, backend = PRECISIONS[configuration["precision"]], BACKENDS[configuration["backend"]]
    if backend.engine is not None:
        return backend.engine.refuses(precision.name, configuration["padding"], device)
    if device == "cpu":
        lacking = [name for name, known in ((backend.name, backend.cpu), (precision.name, precision.cpu)) if not known]
        if lacking:
            return f"{lacking[0]} needs a CUDA device"
    if not backend.takes(configuration["padding"]):
        return f"{backend.name} takes {backend.padding} inputs alone"
    if device == "cpu":
        return None
    if configuration["padding"] == "packed" and not precision.half:
        return "variable-length attention runs in half precision only"
    return None


@dataclass(frozen=True)
class SearchSpace:
    """Values of each axis (ordered axes ascending), for one task and seed on one kind of device.

    Of several models, the model is the first axis, and `own` says which lengths and depths each of them has. A sampler
    sees depths by how much of the model they are: the whole of one and the whole of the other are one place.
    """

    task: str
    model: str  # the first, where there are several
    seed: int
    values: tuple[tuple[Any, ...], ...]  # per axis
    device: str = "cuda"
    axes: tuple[str, ...] = tuple(f.name for f in fields(Axes))
    trial_type: type[TrialConfig] = TrialConfig
    own: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)  # model -> axis -> its values

    @classmethod
    def of(cls, config: SweepConfig, limits: Sequence[Limits], device: str) -> "SearchSpace":
        """The space of a sweep's axes. `limits`: of each of its models; values beyond them, several seeds and an empty
        space are UsageErrors."""
        check(len(config.seeds) == 1, "a search takes one seed", config.seeds, "give one, such as --seeds 42")
        names = tuple(model.name for model in config.models)
        each = [grid.values(config, *known) for known in zip(config.models, limits, strict=True)]
        given: dict[str, tuple[Any, ...]] = {"model": names} if len(names) > 1 else {}
        for axis in each[0]:
            merged = tuple(dict.fromkeys(value for found in each for value in found[axis]))
            given[axis] = tuple(sorted(merged)) if AXES[axis].ordered else merged
        own = {
            name: {axis: tuple(sorted(found[axis])) for axis in ("max_seq_len", "depth")}
            for name, found in zip(names, each, strict=True)
            if len(names) > 1
        }
        values, axes = tuple(given.values()), tuple(given)
        space = cls(config.task, names[0], config.seeds[0], values, device, axes, config.axes.trial_type, own)
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
        named = self.named(point)
        own = self.own[named["model"]] if self.own else {}
        return all(named[axis] in values for axis, values in own.items()) and cannot_run(named, self.device) is None

    def named(self, point: Point) -> dict[str, Any]:
        """Axis -> value."""
        return dict(zip(self.axes, point, strict=True))

    def trial(self, point: Point, replicate: int = 0) -> TrialConfig:
        """The measuring trial of a point."""
        named = {"model": self.model} | self.named(point)
        return self.trial_type(task=self.task, seed=self.seed, **named, replicate=replicate)

    # ---- parameters: what a sampler sees ----

    @cached_property
    def distributions(self) -> dict[str, tuple[Any, ...] | int]:
        """Parameter -> the values of a name without an order, or the number of steps of an ordered axis.

        Ordered axes are searched by their position ("max_seq_len_step", from 0), so that a sampler knows that
        48 tokens lie between 40 and 64. Of several models, depths are as many steps as that of the most depths has:
        a depth's step is its place among its model's, from its shallowest to its deepest.
        """
        return {
            f"{axis}_step" if AXES[axis].ordered else axis: self._steps(axis, values) if AXES[axis].ordered else values
            for axis, values in zip(self.axes, self.values, strict=True)
        }

    def _steps(self, axis: str, values: tuple[Any, ...]) -> int:
        each = [len(own[axis]) for own in self.own.values()] if axis == "depth" else []
        return max(each, default=len(values))

    def params(self, point: Point) -> dict[str, Any]:
        """Sampler parameters of a point."""
        return {
            name: self._step(axis, v, point) if isinstance(kind, int) else v
            for (name, kind), axis, v in zip(self.distributions.items(), self.axes, point, strict=True)
        }

    def point(self, params: dict[str, Any]) -> Point:
        """The point of sampler parameters."""
        return tuple(
            self._at(axis, params[name], params) if isinstance(kind, int) else params[name]
            for (name, kind), axis in zip(self.distributions.items(), self.axes, strict=True)
        )

    def _scale(self, axis: str, model: Any) -> tuple[tuple[Any, ...], float]:
        """The values that the steps of an ordered axis stand for, and how many values a step is."""
        values = self.values[self.axes.index(axis)]
        if axis != "depth" or not self.own:
            return values, 1.0
        own, steps = self.own[model][axis], self._steps(axis, values)
        return own, (len(own) - 1) / (steps - 1) if steps > 1 else 1.0

    def _step(self, axis: str, value: Any, point: Point) -> int:
        values, scale = self._scale(axis, self.named(point).get("model"))
        return round(values.index(value) / scale) if scale else self._steps(axis, values) - 1

    def _at(self, axis: str, step: int, params: Mapping[str, Any]) -> Any:
        values, scale = self._scale(axis, params.get("model"))
        return values[round(step * scale)]

    # ---- where to begin, and where to go instead ----

    @property
    def baseline(self) -> Point:
        """What the recommendation compares with: the first model, the most exact precision, longest, deepest, batch 64,
        padded, eager, as far as the space has them."""
        return self._baseline_of(self.model)

    def _baseline_of(self, model: str) -> Point:
        order = [(self.axes.index(name), axis.from_baseline) for name, axis in AXES.items() if name in self.axes]
        own = [p for p in self.points if not self.own or p[0] == model] or self.points
        return min(own, key=lambda p: [distance(p[i]) for i, distance in order])

    @property
    def start_points(self) -> list[Point]:
        """The baseline, then every point that differs from it in one axis: at the ends of an ordered axis, at
        each other name of the others. Of another model it is that one's own baseline."""
        base = self.baseline
        found = [base]
        for i, (axis, values) in enumerate(zip(self.axes, self.values, strict=True)):
            if axis == "model":
                found += [self._baseline_of(model) for model in values if model != base[i]]
                continue
            known = self.own[self.model].get(axis, values) if self.own else values
            ends = (known[0], known[-1]) if AXES[axis].ordered else known
            for value in dict.fromkeys(ends):
                point = (*base[:i], value, *base[i + 1 :])
                if value != base[i] and self.allows(point):
                    found.append(point)
        return list(dict.fromkeys(found))

    def nearest(self, point: Point, taken: Collection[Point], rng: random.Random) -> Point | None:
        """The point that is not `taken` and differs least from `point`; ties by `rng`; None where all are taken."""
        kinds = list(self.distributions.values())
        mine = list(self.params(point).values())

        def distance(other: Point) -> float:
            total = 0.0
            for kind, a, b in zip(kinds, mine, self.params(other).values(), strict=True):
                if a != b:
                    total += abs(a - b) / max(kind - 1, 1) if isinstance(kind, int) else 1.0
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
