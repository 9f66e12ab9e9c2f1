"""The quantities a sweep trades against each other; shared by the search and the Pareto sets."""

from dataclasses import dataclass
from typing import Literal

from search_spaces.errors import UsageError


@dataclass(frozen=True)
class Objective:
    """A column of the table with the direction in which it is better."""

    name: str
    unit: str
    direction: Literal["max", "min"]
    log_scale: bool = False  # spans orders of magnitude: searched and scored on a log scale

    @property
    def sign(self) -> int:
        """+1 where smaller is better, -1 where larger is: `sign * value` is always minimised."""
        return 1 if self.direction == "min" else -1


OBJECTIVES: dict[str, Objective] = {
    o.name: o
    for o in (
        Objective("accuracy", "fraction", "max"),
        Objective("f1", "fraction", "max"),
        Objective("exact_match", "fraction", "max"),
        Objective("energy_j_per_example", "J/example", "min", log_scale=True),
        Objective("energy_j_per_correct", "J/correct", "min", log_scale=True),
        Objective("net_energy_j_per_example", "J/example", "min", log_scale=True),
        Objective("latency_ms_per_example", "ms/example", "min", log_scale=True),
        Objective("peak_gpu_memory_mib", "MiB", "min"),
    )
}


def objective(name: str) -> Objective:
    """The objective of that name; `UsageError` names the known ones."""
    if name not in OBJECTIVES:
        raise UsageError(f"an objective must be one of {', '.join(OBJECTIVES)}, but got {name!r}; see --help")
    return OBJECTIVES[name]
