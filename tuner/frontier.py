"""More replicates of what is compared: the energy frontier, and the baseline of every saving."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.findings.baseline import find_baseline
from analysis.findings.configurations import configurations, valid
from analysis.findings.pareto import pareto_set
from analysis.rows.load import load
from search_spaces.objectives import DEFAULT_OBJECTIVES
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig

ROUNDS = 3


def replicate_frontier(
    config: SweepConfig, run: Path, trials: Sequence[TrialConfig], measure: Callable[[list[TrialConfig]], bool]
) -> bool:
    """Measure the frontier of a run again by `measure`, which says False where it was interrupted; so does this.

    New means can move the frontier, so it is looked at again, ROUNDS times at most.
    """
    return all(measure(frontier_trials(config, run, trials)) for _ in range(ROUNDS))


def frontier_trials(config: SweepConfig, run: Path, trials: Sequence[TrialConfig]) -> list[TrialConfig]:
    """The replicates, up to frontier_replicates, of those trials that the rows so far put on the frontier."""
    table = pareto_set(configurations(valid(load(run))[0]), DEFAULT_OBJECTIVES)
    axes = list(trials[0].configuration)
    front = table["front"] | (table.index == find_baseline(table))
    chosen = set(table.loc[front, axes].itertuples(index=False, name=None))
    return [
        replace(trial, replicate=number)
        for number in range(config.replicates, config.frontier_replicates)
        for trial in trials
        if trial.replicate == 0 and tuple(trial.configuration.values()) in chosen
    ]
