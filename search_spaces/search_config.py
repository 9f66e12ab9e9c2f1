"""A search as data: which sampler, when it stops, and what it is after."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from search_spaces.errors import check
from search_spaces.goal import Goal
from search_spaces.samplers import SAMPLERS

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class SearchConfig:
    """How the space is searched. What ends it first, ends it: trials, time, patience, or nothing left to try."""

    sampler: str = "additive"
    """additive, gp, tpe, nsga2 or random. docs/search.md compares them."""
    search_seed: int = 0
    """Seed of the sampler: a sequential search over the same measurements repeats exactly."""
    trials: int | None = None
    """Trials this start begins, at most."""
    time_budget: str | None = None
    """Seconds of measuring, or with a unit: 90s, 15m, 2h. A trial that would likely end later is not begun."""
    patience: int | None = 15
    """Stop when so many trials after the start points found no configuration that is not worse than the baseline and at
    least 1 % cheaper."""
    prune: bool = True
    """End a trial after one short window where even its bounds cannot join the frontier or break a limit."""
    goal: Goal = field(default_factory=Goal)

    def __post_init__(self) -> None:
        _ = SAMPLERS[self.sampler]  # raises for one that is not known
        for name in ("trials", "patience"):
            value = getattr(self, name)
            check(value is None or value >= 1, f"{name} must be at least 1", value, "give a whole number from 1")
        _ = self.time_budget_s  # raises for what is no time

    @property
    def time_budget_s(self) -> float | None:
        """The time budget in seconds, None for no budget."""
        if self.time_budget is None:
            return None
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", self.time_budget.strip())
        seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
        check(seconds > 0, "time_budget must be a time above 0", self.time_budget, "write 900, 90s, 15m or 2h")
        return seconds

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SearchConfig":
        """The inverse of `to_dict`, also after a round trip through JSON."""
        return cls(**{**values, "goal": Goal.from_dict(values["goal"])})
