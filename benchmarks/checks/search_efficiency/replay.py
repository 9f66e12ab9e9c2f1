"""The search itself, answered by the rows of a recorded grid."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.checks.search_efficiency.recorded_grid import Grid
from search_spaces.prune import PruneRule
from search_spaces.search_config import SearchConfig
from search_spaces.trial_config import TrialConfig
from tuner.search.sampler import make_sampler
from tuner.search.searcher import FrontierSearch
from tuner.search.stopping import Stopping

REGRET = 0.02  # in the cheapest configuration that is not worse than the baseline: then it counts as found


@dataclass
class Replay:
    """One search: what finding the answer cost (None: never found), and where the default rules stopped."""

    sampler: str
    seed: int
    trials: int | None = None
    seconds: float | None = None
    stop_trials: int | None = None
    stop_seconds: float | None = None
    stop_regret: float | None = None
    pruned: int = 0
    ask_s: float = 0.0
    regrets: list[float] = field(default_factory=list)  # after each trial


def replay(grid: Grid, sampler: str, seed: int, prune: bool = True) -> Replay:
    """Search the recorded grid until the answer is found and the default stopping rules have spoken."""
    rule = Stopping(patience=SearchConfig().patience)
    search = FrontierSearch(grid.space, grid.goal, make_sampler(sampler, grid.space, seed), Stopping(), prune=prune)
    search.enqueue_start_points()
    history, out = search.history, Replay(sampler, seed)
    while out.trials is None or out.stop_trials is None:
        begin = time.perf_counter()
        suggestion = search.suggest(str(search.started))
        out.ask_s += time.perf_counter() - begin
        if not isinstance(suggestion, dict):
            break
        name = str(search.started - 1)
        search.on_trial_complete(name, answer(grid, suggestion["job"]))
        out.regrets.append(grid.regret(outcome.trial_id for outcome in history.outcomes if outcome.counts))
        if out.trials is None and out.regrets[-1] <= REGRET:
            out.trials, out.seconds = search.started, history.device_s
        if out.stop_trials is None and rule.reason(history, search.started, 0.0):
            out.stop_trials, out.stop_seconds = search.started, history.device_s
            out.stop_regret = out.regrets[-1]
    out.pruned = sum(outcome.status == "pruned" for outcome in history.outcomes)
    return out


def answer(grid: Grid, job: dict[str, Any]) -> dict[str, Any]:
    """The recorded row of a job, cut short where the trial itself would have pruned it."""
    trial = TrialConfig.from_dict(job)
    point = tuple(getattr(trial, axis) for axis in grid.space.axes)
    if point not in grid.rows:
        return {"status": "failed", "error": "not in the recorded grid", "trial_s": 0.0}
    if "prune" in job and PruneRule.from_dict(job["prune"]).verdict(grid.probes[point]):
        return dict(grid.probes[point])
    return dict(grid.rows[point])


def replay_all(grid: Grid, samplers: Sequence[str], seeds: int, prune: bool = True) -> dict[str, list[Replay]]:
    """Every sampler with every seed."""
    return {name: [replay(grid, name, seed, prune) for seed in range(seeds)] for name in samplers}
