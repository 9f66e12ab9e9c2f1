"""One Ray Tune experiment of a run: its trials, from ready-made jobs or from a searcher. Tune is set up here alone.

A run holds several: one for every start of fine-tuning or measuring. A job is what a trial is started with, under
"job" in its configuration: name, cpu, gpu, and what its trainable needs.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from tuner.cluster.progress import Progress
from tuner.run.folder import RunFolder
from tuner.run.rows import RowWriter
from tuner.run.storage import Storage


@dataclass(frozen=True)
class Experiment:
    """What one experiment runs. An error stays with its trial; a trial that died is tried once more."""

    trainable: type[tune.Trainable]
    parameters: dict[str, Any]  # what all trials share: kept in Ray's object store
    jobs: list[dict[str, Any]] | Searcher  # run in this order, or suggested until the searcher is finished
    reuse_actors: bool = False  # one process per device for all trials
    checkpoints: tune.CheckpointConfig | None = None

    def run(
        self, folder: RunFolder, storage: Storage, concurrent: int, row_flags: Collection[str], progress: Progress
    ) -> dict[str, str]:
        """Run it to its end or to Ctrl-C, `concurrent` trials at a time; every row carries `row_flags`.

        Returns the trials that were given up, and why. Raises what would fail every trial alike: UsageError for a
        mistake that only workers could see, OSError where the disk is full.
        """
        # Tune prints a traceback per failed attempt; the row writer says why in a line, and error.txt has the rest.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        name = folder.next_experiment(self.trainable.PHASE)
        rows = RowWriter(folder.ray_dir / name, row_flags, storage.push_soon)
        tuner = tune.Tuner(
            self._shared(),
            param_space={"job": tune.grid_search(self.jobs)} if isinstance(self.jobs, list) else {},
            tune_config=self._tune_config(concurrent),
            run_config=tune.RunConfig(
                name=name,
                **storage.ray_options,
                checkpoint_config=self.checkpoints or tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=1),
                callbacks=[rows, progress],  # the row first: what is printed is kept
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except Exception:
            if rows.fatal is not None:  # Tune has put it into words of its own
                raise rows.fatal from None
            raise
        storage.flush()
        storage.fetch(f"ray/{name}")
        return rows.lost

    def _shared(self) -> Any:
        shared = tune.with_parameters(self.trainable, **self.parameters)
        shared.__name__ = shared.__qualname__ = self.trainable.__name__  # what the dashboard calls the actor
        return shared

    def _tune_config(self, concurrent: int) -> tune.TuneConfig:
        listed = isinstance(self.jobs, list)
        return tune.TuneConfig(
            search_alg=None if listed else self.jobs,
            num_samples=1 if listed else -1,  # -1: until the searcher is finished
            reuse_actors=self.reuse_actors,
            max_concurrent_trials=concurrent,
            trial_name_creator=_job_name,
            trial_dirname_creator=_job_name,
        )


def _job_name(trial: Any) -> str:
    return str(trial.config["job"]["name"])
