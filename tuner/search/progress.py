"""The progress line of a search: what came out of the last trial, the hypervolume, the frontier."""

from typing import Any

from search_spaces.goal import Goal
from tuner.cluster.progress import Progress, measured_line
from tuner.search.history import History, Outcome

SHOWN = 5  # points of the frontier in the line


class SearchProgress(Progress):
    """Prints a line when a trial has ended and the searcher, which keeps the history, has been told of it."""

    def __init__(self, history: History, limit: int | None) -> None:
        super().__init__(total=limit or 0)
        self.history = history
        self._last = ""

    def on_trial_result(self, trial: Any, result: dict[str, Any], **info: Any) -> None:
        if "status" in result:
            self._row(result)
            self._last = measured_line(result)

    def on_trial_complete(self, trial: Any, **info: Any) -> None:
        super().on_trial_complete(trial, **info)
        self._count(self._last)

    def _count(self, last: str) -> None:
        self.done += 1
        self.metrics.frontier(self.history.hypervolume, len(self.history.frontier))
        of = f"/{self.total}" if self.total else ""
        self._print(f"[{self.done}{of}] failed {self.failed}  {last}\n    {state_line(self.history)}")


def state_line(history: History) -> str:
    """Hypervolume and frontier, the best in the first objective first."""
    front = history.frontier
    shown = "  ".join(point_text(history.goal, outcome) for outcome in front[:SHOWN])
    more = f"  and {len(front) - SHOWN} more" if len(front) > SHOWN else ""
    return f"hypervolume {history.hypervolume:.4f}  frontier {len(front)}: {shown}{more}"


def point_text(goal: Goal, outcome: Outcome) -> str:
    """A point's objectives: "0.9312 | 0.01234 J/example"."""
    values = outcome.values or {}
    return " | ".join(f"{values[o.name]:.4g}" + ("" if o.unit == "fraction" else f" {o.unit}") for o in goal.known)
