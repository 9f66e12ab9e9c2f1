"""Run folders in which trials are measured by a table of energies: what `tuner.confirm` works in, without Ray."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from tests.make.rows import row, write_trial
from trainables.rows.choice import Choice
from tuner.run.folder import RunFolder

CONFIG = SweepConfig(task="sst2", model="bert-base")
# tokens -> (J/example, correct of 872): the choice is 48, and 64 could be cheaper; 16 is worse, 128 the baseline
GRID = {16: (0.01, 600), 48: (0.0200, 800), 64: (0.02001, 800), 128: (0.1, 800)}


def swept(folder: Path, grid: dict[int, tuple[float | None, int]] = GRID, **values: Any) -> Path:
    """A run folder with a trial of each configuration."""
    for tokens, (energy, right) in grid.items():
        known = values if energy is not None else {"status": "failed", "error": "OutOfMemoryError: no memory"}
        trial = row(tokens, energy=energy, right=right, **known)
        write_trial(folder / "ray" / "measure-0", trial, name=trial["trial_id"])
    return folder


class FakeDriver:
    """Does of `tuner.driver.Driver` what a confirmation asks for. `measured`: each trial asked for, in order.

    `row_of` makes a trial's row from its number among those measured; None is a kill just before it.
    """

    def __init__(self, run: Path, row_of: Callable[[TrialConfig, int], dict[str, Any] | None] | None = None) -> None:
        self.config, self.run = CONFIG, run
        self.folder = RunFolder.__new__(RunFolder)  # not locked
        self.folder.path = run
        self.devices = SimpleNamespace(nodes=(None,))
        self.inputs = SimpleNamespace(fresh=None)
        self.pushed: list[str] = []
        self.storage = SimpleNamespace(push=lambda path: self.pushed.append(path.name))
        self.row_of = row_of or (lambda trial, number: fresh(trial))
        self.measured: list[str] = []

    def measure(self, trials: Iterable[TrialConfig], in_turn: bool = False) -> bool:
        assert in_turn, "fresh trials share a card"
        for trial in trials:
            folder = self.run / "ray" / "measure-1"
            if (folder / trial.trial_id).is_dir():
                continue
            made = self.row_of(trial, len(self.measured))
            if made is None:
                return False
            self.measured.append(trial.trial_id)
            write_trial(folder, made, name=trial.trial_id)
        return True


def fresh(trial: TrialConfig, factor: float = 1.0, **values: Any) -> dict[str, Any]:
    """The row of a fresh trial, by GRID: its energy times `factor`, a little apart from the other rounds'."""
    energy, right = GRID[trial.max_seq_len]
    apart = 1 + 0.001 * (trial.replicate % 3 - 1)
    own = {k: v for k, v in asdict(trial).items() if k not in ("max_seq_len", "depth", "precision")} | values
    return row(trial.max_seq_len, trial.depth, trial.precision, energy=energy * factor * apart, right=right, **own)


def choice_of(
    choice: int = 48,
    runners_up: tuple[int, ...] = (),
    sets: tuple[int, ...] = (0,),
    replaces: int | None = None,
    baseline: int = 128,
    fresh_data: dict[str, Any] | None = None,
) -> Choice:
    """A choice among configurations that `tests.make.rows.row` makes: told by their lengths."""

    def configuration(tokens: int) -> dict[str, Any]:
        trial = asdict(TrialConfig("sst2", "bert-base", 42, tokens, 12, "fp32"))
        return {name: value for name, value in trial.items() if name not in ("replicate", "purpose")}

    return Choice(
        chosen_at="2026-12-01T00:00:00+00:00",
        baseline=configuration(baseline),
        choice=configuration(choice),
        runners_up=tuple(map(configuration, runners_up)),
        sweep_trials=3,
        sweep_digest="0",
        sweep_devices=("GPU-1",),
        tolerance=0.01,
        measuring={},
        sets=sets,
        replaces=None if replaces is None else configuration(replaces),
        fresh_data=fresh_data,
    )
