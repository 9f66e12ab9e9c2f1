"""When a trial may stop early: even its optimistic bound cannot join the frontier, or it breaks a limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.goal import Goal, Scores, dominates

# Energy and latency of a configuration are taken to be at least (1 - MARGIN) x those of one short window
# taken halfway through the warm-up. docs/search.md has the evidence.
MARGIN = 0.1


@dataclass(frozen=True)
class PruneRule:
    """The frontier a trial has to beat, as scores of `goal` (minimised)."""

    goal: Goal
    frontier: tuple[Scores, ...]
    margin: float = MARGIN

    def verdict(self, row: Mapping[str, Any]) -> str | None:
        """Why a trial need not be measured further, None where it must. `row` has status "pruned", the exact
        accuracy and memory, and the bounds of energy and latency."""
        for option, excess in self.goal.excesses(row).items():
            if excess > 0:
                return f"misses {option}"
        values = self.goal.values(row)
        if values is None:
            return None
        scores = self.goal.scores(values)
        if any(dominates(point, scores) for point in self.frontier):
            best = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
            return f"dominated even at its bounds ({best})"
        return None

    def to_dict(self) -> dict[str, Any]:
        return {
            "goal": self.goal.to_dict(),
            "frontier": [list(point) for point in self.frontier],
            "margin": self.margin,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PruneRule":
        return cls(Goal.from_dict(values["goal"]), tuple(tuple(p) for p in values["frontier"]), values["margin"])
