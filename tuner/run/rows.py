"""What the driver keeps of a trial: its row in a file of its own, sealed, the moment it comes in.

Ray's loggers write to a staging folder, and Ray copies that to the run folder again and again, file over file: a kill
in the middle leaves good files cut short (a reader beside the copy saw 1 % of them short; Ray 2.60, pyarrow 26). So the
rows, which are the run, are written here, once each, and by renaming: a row is there or it is not.

A trial whose process died, or which says that another process may get further, is tried again once, in a fresh process.
Where that fails, too, the row says why.
"""

import errno
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune import Callback

from search_spaces.errors import UsageError
from search_spaces.objectives import OBJECTIVES
from trainables.rows.columns import TRACE
from trainables.rows.file import ROW_FILE, seal
from trainables.rows.flags import join_flags, split_flags
from trainables.rows.folder import MEASURE
from tuner.run.causes import lost_row, why_failed
from tuner.run.faults import says_full
from tuner.run.folder import write_atomically


class RowWriter(Callback):
    """Writes the rows of one Ray experiment to its folder of the run.

    `flags` are those of every row; `on_written` is called with each row file. `lost` says of each trial that was given
    up why; `fatal` is what ended the experiment, if this callback did.
    """

    def __init__(
        self, experiment: Path, flags: Collection[str] = (), on_written: Callable[[Path], None] | None = None
    ) -> None:
        self.experiment, self.flags = experiment, set(flags)
        self.lost: dict[str, str] = {}
        self.fatal: BaseException | None = None
        self._on_written = on_written or (lambda file: None)
        self._causes: dict[str, str] = {}  # of trials that are tried again

    def on_trial_result(self, trial: Any, result: dict[str, Any], **info: Any) -> None:
        if phase_of(trial) != MEASURE:
            return
        result.update(_known_of(trial))
        result["flags"] = join_flags(split_flags(result["flags"]) | self.flags)
        self._write(trial, result)
        result.pop(TRACE, None)  # Ray writes the last result of every trial again with each of its states

    def on_trial_complete(self, trial: Any, **info: Any) -> None:
        """Let go of what Tune keeps of each number of a row (benchmarks.checks.endurance): two queues to average over
        steps, of which a measuring trial has one, and its extremes, by which `ExperimentAnalysis.get_best_trial`
        chooses: those of objectives stay."""
        metadata: Any = getattr(trial, "run_metadata", None)
        if phase_of(trial) != MEASURE or metadata is None:
            return
        for kept, wanted in (("metric_n_steps", ()), ("metric_analysis", OBJECTIVES)):
            numbers = getattr(metadata, kept, {})
            for name in set(numbers) - set(wanted):
                del numbers[name]
        metadata.invalidate_cache()

    def on_trial_recover(self, trial: Any, **info: Any) -> None:
        """It is to be tried again: not in a process that waits for its next trial, since that is not a fresh one."""
        name, cause = trial.config["job"]["name"], why_failed(trial)
        self._stop_where_all_would_fail(cause)
        self._causes[name] = cause
        trial.config["job"]["attempt"] = trial.config["job"].get("attempt", 1) + 1
        trial.update_resources(_as_if_other(trial.placement_group_factory))
        print(f"{name}  tried again in a fresh process: {cause}", flush=True)

    def on_trial_error(self, trial: Any, **info: Any) -> None:
        job, cause = trial.config["job"], why_failed(trial)
        self._stop_where_all_would_fail(cause)
        self.lost[job["name"]] = cause
        if phase_of(trial) == MEASURE:
            self._write(trial, lost_row(job, cause, self.flags) | _known_of(trial))

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks; the state of this one is on disk."""
        return {}

    def _write(self, trial: Any, row: dict[str, Any]) -> None:
        first = self._causes.get(trial.config["job"]["name"])
        file = self.experiment / trial.storage.trial_dir_name / ROW_FILE
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, seal(row | ({"tried_again_after": first} if first else {})))
        except OSError as error:
            self.fatal = error
            raise
        self._on_written(file)

    def _stop_where_all_would_fail(self, cause: str) -> None:
        """A user's mistake that only the workers could see, and a full disk, fail every trial alike."""
        kind, _, message = cause.partition(": ")
        if kind.rpartition(".")[2] == UsageError.__name__:
            self.fatal = UsageError(message)
        elif says_full(cause):
            self.fatal = OSError(errno.ENOSPC, cause)
        if self.fatal is not None:
            raise self.fatal


def _known_of(trial: Any) -> dict[str, Any]:
    """What the driver alone knows of a trial: of a sweep over several models, the place of its own among them and its
    layers in all."""
    job = trial.config["job"]
    return {name: job[name] for name in ("model_place", "layers") if name in job}


def phase_of(trial: Any) -> str:
    """Of one of Tune's trials: MEASURE or FINETUNE, as its job says."""
    return str(trial.config["job"]["phase"])


def _as_if_other(resources: tune.PlacementGroupFactory) -> tune.PlacementGroupFactory:
    """The same resources in other words: Tune reuses a process only for resources asked for in the same words."""
    return tune.PlacementGroupFactory(resources.bundles, strategy="SPREAD")
