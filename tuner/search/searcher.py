"""Ray Tune's OptunaSearch over a finite space: each point once, start points first, failures told as failures."""

import pickle
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import TrialState
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from search_spaces.goal import Goal
from search_spaces.prune import PruneRule
from search_spaces.search_space import Point, SearchSpace
from search_spaces.trial_config import TrialConfig
from tuner.search.history import History, outcome_of
from tuner.search.points import INTERRUPTED, distributions, taken
from tuner.search.stopping import Stopping
from tuner.search.tell import tell

STUDY_NAME = "jouletune"

MakeJob = Callable[[TrialConfig], dict[str, Any]]


class FrontierSearch(OptunaSearch):
    """Suggests {"job": ...} until `stopping` says stop or every point is taken; `stopped` then says why."""

    def __init__(
        self,
        space: SearchSpace,
        goal: Goal,
        sampler: BaseSampler,
        stopping: Stopping,
        make_job: MakeJob = TrialConfig.to_dict,
        storage: BaseStorage | None = None,
        prune: bool = True,
    ) -> None:
        super().__init__(
            space=distributions(space),
            metric=list(goal.objectives),
            mode=[o.direction for o in goal.known],
            sampler=sampler,
            storage=storage or optuna.storages.InMemoryStorage(),
            study_name=STUDY_NAME,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.study.set_metric_names([f"log10 {o.name}" if o.log_scale else o.name for o in goal.known])
        self.points, self.goal = space, goal
        self.history = History(goal, space.trial(space.baseline).trial_id)
        self.stopping, self.make_job, self.prune = stopping, make_job, prune
        self.started, self.stopped = 0, ""
        self.began_s = time.monotonic()
        self._starts = set(space.start_points)
        self._now: dict[str, Point] = {}  # running trials by Ray's id

    @property
    def study(self) -> optuna.Study:
        return self._ot_study

    def start_clock(self) -> None:
        """Let the time budget run from now on: fine-tuning is not part of it."""
        self.began_s = time.monotonic()

    def enqueue_start_points(self) -> int:
        """Queue the baseline and the one-at-a-time extremes that are not taken yet; how many."""
        seen = taken(self.study, self.points)
        left = [p for p in self.points.start_points if p not in seen]
        for point in left:
            self.study.enqueue_trial(self.points.params(point))
        return len(left)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        reason = self.stopping.reason(self.history, self.started, time.monotonic() - self.began_s)
        if reason is not None:
            reason += self._unsearched()
        elif self._exhausted():
            reason = f"all {len(self.points.points)} configurations of the space were tried"
        if reason is not None:
            self.stopped = reason
            return str(Searcher.FINISHED)
        point = self.points.point(super().suggest(trial_id))
        self.started += 1
        self._now[trial_id] = point
        trial = self.points.trial(point)
        self._ot_trials[trial_id].set_user_attr("configuration", trial.trial_id)
        job = self.make_job(trial)
        if self.prune and point not in self._starts:  # start points set the scale: measured in full
            front = tuple(s.scores for s in self.history.frontier if s.scores is not None)
            job = job | {"prune": PruneRule(self.goal, front).to_dict()}
        return {"job": job}

    def _unsearched(self) -> str:
        """That a search which ends now ends among its start points; "" where the sampler chose a point."""
        measured, running = self.history.measured, self._now.values()
        if any(not outcome.start for outcome in measured) or any(point not in self._starts for point in running):
            return ""
        known = sum(outcome.start for outcome in self.history.outcomes) + len(running)
        return f"; {known} of {len(self._starts)} start points; nothing was searched"

    def _exhausted(self) -> bool:
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return not waiting and len(taken(self.study, self.points)) >= len(self.points.points)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        point = self._now.pop(trial_id, None)
        if point is None:
            return
        if result is None and not error:  # stopped from outside: it may be tried again
            self._ot_trials[trial_id].set_user_attr(INTERRUPTED, True)
        row = dict(result or {}) if not error else {}
        outcome = outcome_of(self.goal, row, self.points.trial(point).trial_id, point in self._starts)
        tell(self.study, self._ot_trials[trial_id], self.goal, outcome, row)
        self._completed_trials.add(trial_id)
        self.history.add(outcome)

    # The study is the state, and it is on disk: Ray's own pickles of the searcher need nothing of it.

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).write_bytes(pickle.dumps({}))

    def __getstate__(self) -> dict[str, Any]:
        return {}
