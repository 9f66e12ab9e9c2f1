"""What Optuna is told of a trial (EXPERIMENTS.md and docs/search.md have the reasons).

ok        COMPLETE with its scores, and its limits as constraints
pruned    COMPLETE with its bounds, which are dominated or beyond a limit: the sampler learns where not to look
failed    FAIL: also out of memory, an objective that is null, a flag that makes the energy invalid
"""

import math
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import TrialState

from search_spaces.goal import Goal
from search_spaces.search_space import Point, SearchSpace
from tuner.search.history import Outcome, answered
from tuner.search.points import distributions

UNMEETABLE = 1e6  # the constraint of a missing value; Optuna takes no infinity


def tell(study: optuna.Study, trial: optuna.Trial, goal: Goal, outcome: Outcome, row: Mapping[str, Any]) -> None:
    """End a trial of the study with what a row says."""
    for name, value in attributes(outcome, row).items():
        trial.set_user_attr(name, value)
    if outcome.scores is None:
        study.tell(trial, state=TrialState.FAIL)
        return
    for option, excess in goal.excesses(row).items():
        trial.set_constraint(option, _finite(excess))
    study.tell(trial, goal.told(outcome.scores))


def attributes(outcome: Outcome, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with a trial of the study: everything a History needs to be built again."""
    return {
        "configuration": outcome.trial_id,
        "status": outcome.status,
        "device_s": outcome.device_s,
        "feasible": outcome.feasible,
        "start": outcome.start,
        "imported": outcome.imported,
        **({"error": str(row["error"])} if row.get("error") else {}),
        **(answered(row) if outcome.imported else {}),  # the search's own rows are on disk
        **(outcome.values or {}),
    }


def add(
    study: optuna.Study, space: SearchSpace, goal: Goal, point: Point, outcome: Outcome, row: Mapping[str, Any]
) -> None:
    """Add a trial to the study that it did not ask for: an imported row, or one told too late."""
    scores = outcome.scores
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.FAIL if scores is None else TrialState.COMPLETE,
            values=None if scores is None else goal.told(scores),
            params=space.params(point),
            distributions=distributions(space),
            user_attrs=attributes(outcome, row),
            constraints={} if scores is None else {k: _finite(v) for k, v in goal.excesses(row).items()},
        )
    )


def _finite(excess: float) -> float:
    return excess if math.isfinite(excess) else UNMEETABLE
