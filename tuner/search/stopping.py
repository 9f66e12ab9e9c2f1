"""When a search ends, besides when nothing is left to try."""

from dataclasses import dataclass

from tuner.search.answer import stale, stale_words
from tuner.search.history import History


@dataclass(frozen=True)
class Stopping:
    """None: not by this."""

    trials: int | None = None
    time_budget_s: float | None = None
    patience: int | None = None

    def reason(self, history: History, started: int, elapsed_s: float) -> str | None:
        """Why no further trial may begin, None where one may. `started` counts trials begun by this search;
        one that would likely end beyond the budget is not begun."""
        if self.trials is not None and started >= self.trials:
            return f"{self.trials} trials (--trials)"
        if self.time_budget_s is not None and elapsed_s + history.mean_trial_s() > self.time_budget_s:
            return f"{self.time_budget_s:.0f} s (--time-budget)"
        if self.patience is not None and stale(history, self.patience):
            return stale_words(history.goal, self.patience)
        return None
