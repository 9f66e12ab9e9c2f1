"""The fresh trials of a choice and their order. No Ray: a dry run lists them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search_spaces.axes import AXES
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import CONFIRM, TrialConfig
from trainables.rows.choice import TRIALS_EACH, Choice, read_choices
from trainables.rows.finished import finished_trials

MOST_RUNNERS_UP = 2


def fresh_trials(config: SweepConfig, made: Choice, first: int) -> list[TrialConfig]:
    """The trials of a fresh set in their order; `first`: the number of its first round."""
    trial = config.axes.trial_type.from_dict
    return [
        trial(dict(made.configurations[i]) | {"replicate": first + number, "purpose": CONFIRM})
        for i, number in in_turn(len(made.configurations))
    ]


def in_turn(configurations: int) -> list[tuple[int, int]]:
    """(configuration, round) in the order they are measured: B C, B C, C B.

    The last round backwards: of a drift that is linear over the set, B C B C B C would charge one trial's step to the
    ratio, this a third of one. No order of six trials charges less, and of those that charge as little this one is
    least bent by a quadratic drift.
    """
    forwards = list(range(configurations))
    rounds = [forwards] * (TRIALS_EACH - 1) + [forwards[::-1]]
    return [(i, number) for number, order in enumerate(rounds) for i in order]


def planned_confirmation(
    config: SweepConfig, trials: Sequence[TrialConfig], run: Path | None = None
) -> tuple[list[str], int]:
    """(what a dry run says of the fresh trials to come, how many trials that is at most). `run`: one that is resumed,
    whose choice may be made."""
    made = next(reversed(read_choices(run)), None) if run is not None else None
    if made is not None and config.confirm_data and made.fresh_data is None:
        made = None  # another set will answer the fresh examples
    if made is not None and made.sets and run is not None:
        done = finished_trials(run)
        names = [t.trial_id for t in fresh_trials(config, made, made.sets[-1]) if t.trial_id not in done]
        return names, len(names)
    chosen = "the cheapest" if config.random_weights else "the cheapest that keeps accuracy"
    baseline = baseline_of(trials, [model.name for model in config.models])
    return [
        f"{baseline.configuration_id}: {TRIALS_EACH} fresh trials, in turn with",
        f"{chosen}: {TRIALS_EACH} fresh trials, and as many of {MOST_RUNNERS_UP} runners-up that could win",
    ], (2 + MOST_RUNNERS_UP) * TRIALS_EACH


def baseline_of(trials: Sequence[TrialConfig], models: Sequence[str]) -> TrialConfig:
    """The trial that `analysis.findings.baseline` will compare all others with. `models`: in the order of the sweep."""

    def preference(trial: TrialConfig) -> tuple[Any, ...]:
        own = trial.configuration
        found = (axis.from_baseline(own[name]) for name, axis in AXES.items() if name in own and name != "model")
        return (models.index(trial.model) if trial.model in models else 0, *found)

    return min(trials, key=preference)
