"""What a search is after: objectives to trade against each other, and limits that every answer must keep."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from search_spaces.errors import check
from search_spaces.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, Objective

MAX_OBJECTIVES = 3

# One number per objective, all minimised, log10 where the objective is on a log scale.
Scores = tuple[float, ...]


@dataclass(frozen=True)
class Limit:
    """A bound on a column: at least (sign -1) or at most (sign +1) `value`."""

    column: str
    option: str
    value: float
    sign: int

    def excess(self, value: float) -> float:
        """How far beyond the limit, relative to it; zero or less where it is kept."""
        return self.sign * (value - self.value) / self.value


@dataclass(frozen=True)
class Goal:
    """Objectives (one to three of `search_spaces.objectives`) and limits; None means no limit."""

    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    """What is traded: accuracy and energy_j_per_example, or up to three of the objectives."""
    min_accuracy: float | None = None
    """Only configurations with at least this accuracy (a fraction) are answers."""
    max_latency_ms: float | None = None
    """Only configurations with at most this latency (ms/example) are answers."""
    max_memory_mib: float | None = None
    """Only configurations with at most this peak GPU memory (MiB) are answers."""

    def __post_init__(self) -> None:
        known = [OBJECTIVES[name] for name in self.objectives]
        check(
            1 <= len(known) <= MAX_OBJECTIVES and len(set(self.objectives)) == len(known),
            f"objectives must be one to {MAX_OBJECTIVES} different ones",
            list(self.objectives),
            f"choose among {', '.join(OBJECTIVES)}",
        )
        if self.min_accuracy is not None:
            check(0 < self.min_accuracy <= 1, "min_accuracy must be in (0, 1]", self.min_accuracy, "0.92 is 92 %")
        for name, unit in (("max_latency_ms", "ms/example"), ("max_memory_mib", "MiB")):
            value = getattr(self, name)
            check(value is None or value > 0, f"{name} must be above 0 {unit}", value, "leave it out for none")

    @property
    def known(self) -> tuple[Objective, ...]:
        return tuple(OBJECTIVES[name] for name in self.objectives)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits that were given."""
        all_of_them = (
            ("accuracy", "--min-accuracy", self.min_accuracy, -1),
            ("latency_ms_per_example", "--max-latency-ms", self.max_latency_ms, 1),
            ("peak_gpu_memory_mib", "--max-memory-mib", self.max_memory_mib, 1),
        )
        return tuple(Limit(c, o, v, sign) for c, o, v, sign in all_of_them if v is not None)

    def values(self, row: Mapping[str, Any]) -> dict[str, float] | None:
        """The row's objectives in their own units (a pruned row's bounds); None where one is missing."""
        found = {name: _value(row, name) for name in self.objectives}
        usable = {
            name: value
            for name, value in found.items()
            if value is not None and not (OBJECTIVES[name].log_scale and value <= 0)
        }
        return usable if len(usable) == len(found) else None

    def scores(self, values: Mapping[str, float]) -> Scores:
        """`values` of every objective on the scales that are searched: minimised, log10 of J and ms."""
        return tuple(o.sign * (math.log10(values[o.name]) if o.log_scale else values[o.name]) for o in self.known)

    def told(self, scores: Scores) -> list[float]:
        """Scores as Optuna is told them: each in its objective's own direction."""
        return [o.sign * score for o, score in zip(self.known, scores, strict=True)]

    def excesses(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Option -> how far a row is beyond each limit (relative; <= 0 is kept). A missing value breaks it."""
        found = {}
        for limit in self.limits:
            value = _value(row, limit.column)
            found[limit.option] = math.inf if value is None else limit.excess(value)
        return found

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Goal":
        return cls(**{**values, "objectives": tuple(values["objectives"])})


# Columns of a pruned row that stand in for what it did not measure (see search_spaces.prune).
ENERGY_BOUND, LATENCY_BOUND = "energy_bound_j_per_example", "latency_bound_ms_per_example"


def _value(row: Mapping[str, Any], name: str) -> float | None:
    if row.get("status") == "pruned":
        return _bound(row, name)
    return _number(row.get(name))


def _bound(row: Mapping[str, Any], name: str) -> float | None:
    """What the column is at least, by the short window of a pruned trial."""
    energy, latency = _number(row.get(ENERGY_BOUND)), _number(row.get(LATENCY_BOUND))
    if name == "energy_j_per_example":
        return energy
    if name == "latency_ms_per_example":
        return latency
    if name == "energy_j_per_correct":
        accuracy = _number(row.get("accuracy"))
        return energy / accuracy if energy and accuracy else None
    if name == "net_energy_j_per_example":
        idle = _number(row.get("idle_power_w"))
        return None if energy is None or latency is None or idle is None else energy - idle * latency * 1e-3
    return _number(row.get(name))


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether scores `a` are at least as good as `b` everywhere and better somewhere."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def closest(goal: Goal, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """The configuration that comes closest to the limits, as words: name and what it misses by how much."""
    best: tuple[float, str] | None = None
    for name, row in rows:
        excess = goal.excesses(row)
        worst = max(excess.values(), default=0.0)
        if not math.isfinite(worst) or (best is not None and worst >= best[0]):
            continue
        missed = ", ".join(
            f"{limit.column} {_value(row, limit.column):.4g} against {limit.option} {limit.value:g}"
            for limit in goal.limits
            if excess[limit.option] > 0
        )
        best = (worst, f"{name} ({missed})")
    return best[1] if best else "no configuration with all values"
