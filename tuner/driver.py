"""One start of a run: what it stands on is recorded, each model fine-tuned once per seed, then every trial measured."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from search_spaces.errors import UsageError
from search_spaces.grid import left_out
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from trainables.digest import digest_of
from trainables.finetune.finetune_trainable import TrainingData
from trainables.measure_trainable import MeasureTrainable
from trainables.model.loading import ModelFiles, load_checkpoint, load_pretrained
from trainables.rows.digests import Digests
from trainables.rows.finished import damaged_trials
from trainables.rows.folder import FINETUNE, MEASURE
from trainables.tasks import get_task
from trainables.worker import MeasuringData
from tuner.cluster.devices import Devices, check_shared, describe_machines
from tuner.cluster.progress import Progress
from tuner.experiment import Experiment
from tuner.inputs import SweepInputs
from tuner.plan import limits_of
from tuner.run.checkpoints import VerifiedFinetune
from tuner.run.environment import describe
from tuner.run.folder import RunFolder, read_sweep
from tuner.run.resume import done_trials, keep_settings, record_start
from tuner.run.storage import KEPT_FILES, Storage
from tuner.run.weights import Made, Weights


class Driver:
    """Works in a locked run folder, with the devices of the Ray that is connected to."""

    reuse_actors = True  # one measuring process per GPU for the whole sweep; a benchmark tries without

    def __init__(
        self,
        config: SweepConfig,
        folder: RunFolder,
        inputs: SweepInputs,
        devices: Devices,
        storage: Storage,
        retry_failed: bool = False,
    ) -> None:
        self.config, self.folder, self.inputs, self.devices = config, folder, inputs, devices
        self.storage, self.retry_failed = storage, retry_failed
        self.weights = Weights(config, folder, storage)
        self.row_flags: frozenset[str] = frozenset()  # of every row of this start

    def prepare(self, baseline: TrialConfig, changed: Sequence[str] = (), anyway: bool | None = None) -> bool:
        """Record where this start is made and fine-tune what has no checkpoint yet; False if that was interrupted.

        `baseline`: what all trials are to be compared with. `changed`: settings that are not those of the run's first
        start. `anyway`: go on although something else differs, too; None where that is not offered.
        """
        now = describe(self.config, describe_machines(self.devices))
        now["baseline"] = baseline.configuration
        now["threads"] = self.devices.resources(self.config.measuring.cpu_threads)["threads"]
        if self.config.tuned:
            now["training_data"] = self.inputs.remarks
        for rule, count in self.inputs.remarks.items():
            print(f"training data: {count} examples {rule}", flush=True)
        missing = left_out(self.config, limits_of(self.config)) if len(self.config.models) > 1 else []
        if missing:
            now["left_out"] = missing
        for words in missing:
            print(words, flush=True)
        if self.inputs.label_names:
            now["classes"] = list(self.inputs.label_names)
        if self.inputs.warnings:
            now["warnings"] = self.inputs.warnings
        if not all(name.isdigit() for name in self.inputs.label_names):
            print("classes: " + " ".join(f"{i}={name}" for i, name in enumerate(self.inputs.label_names)), flush=True)
        if self.inputs.fresh is not None:
            print(f"to confirm accuracy: {self.inputs.fresh.words()}", flush=True)
        for warning in self.inputs.warnings:
            print(f"warning: {warning}", flush=True)
        for trial, damage in damaged_trials(self.folder.path).items():
            print(f"{trial}: {damage}; it is measured again", flush=True)
        differences = list(changed)
        if self.config.tuned:
            differences += self.weights.drop_damaged(done_trials(self.folder.path), anyway)
        self.row_flags = record_start(self.folder, now, differences, anyway)
        if read_sweep(self.folder.path) != self.config:
            keep_settings(self.folder, self.config)
        for name in KEPT_FILES:
            self.storage.push(self.folder.path / name)
        return self.finetune()

    def finetune(self) -> bool:
        """Fine-tune every model and seed that has no checkpoint yet; False if that was interrupted."""
        missing = self.weights.missing() if self.config.tuned else []
        # A driver that was killed just now may have left one that only needs to be kept.
        missing = [made for made in missing if not self._keep(made)]
        if not missing:
            return True
        if not self.storage.remote:
            check_shared(self.folder.ray_dir, self.devices)
        data = {
            name: TrainingData(self.config.task, own.train, own.validation) for name, own in self.inputs.models.items()
        }
        lost = self._run(
            Experiment(
                VerifiedFinetune,
                {"data": data, "files": {made: ray.put(self._pretrained(made)) for made in missing}},
                [self._finetune_job(made) for made in missing],
                checkpoints=tune.CheckpointConfig(num_to_keep=1, checkpoint_frequency=1, checkpoint_at_end=True),
            ),
            Progress(len(missing)),
        )
        kept = [self._keep(made) for made in missing]
        if lost:
            trial, cause = next(iter(lost.items()))
            raise UsageError(
                f"every fine-tuning must finish, but {trial} failed twice: {cause}; see error.txt under "
                f"{self.folder.ray_dir}, then go on with --resume {self.folder.path}"
            )
        return all(kept)

    def _keep(self, made: Made) -> bool:
        return self.weights.keep(made, self.inputs.models[made[0]].tokenizer)

    def measure(self, trials: Iterable[TrialConfig], in_turn: bool = False) -> bool:
        """Measure every trial that has no row on disk; False if that was interrupted. `in_turn`: one after the other in
        one process, and so on one card, as far as none dies."""
        trials = list(trials)
        done = done_trials(self.folder.path, self.retry_failed)
        left = [t for t in trials if t.trial_id not in done]
        if not left:
            return True
        shared = self._measuring({(t.model, t.seed) for t in left})
        jobs = [self.job(t) for t in left]
        progress = Progress(len(trials), len(trials) - len(left))
        self._run(Experiment(MeasureTrainable, shared, jobs, self.reuse_actors), progress, 1 if in_turn else None)
        done = done_trials(self.folder.path)
        return all(t.trial_id in done for t in trials)

    def search(self, searcher: Searcher, progress: Progress) -> None:
        """Measure what a searcher suggests ({"job": ...}, see `job`) until it is finished."""
        shared = self._measuring(set(self.weights.wanted))
        self._run(Experiment(MeasureTrainable, shared, searcher, self.reuse_actors), progress)

    def job(self, trial: TrialConfig) -> dict[str, Any]:
        """What a measuring trial is started with."""
        resources = self.devices.resources(self.config.measuring.cpu_threads)
        names = list(self.inputs.models)
        among: dict[str, int] = {}
        if len(names) > 1:
            among = {"model_place": names.index(trial.model), "layers": self.inputs.models[trial.model].layers}
        return {"name": trial.trial_id, "phase": MEASURE, **trial.to_dict(), **among, **resources}

    def _finetune_job(self, made: Made) -> dict[str, Any]:
        resources = self.devices.resources(self.config.measuring.cpu_threads)
        return {
            "name": self.weights.trial(made),
            "phase": FINETUNE,
            "task": self.config.task,
            "model": made[0],
            "seed": made[1],
            "finetuning": asdict(self.config.finetuning),
            "resume_from": self.weights.resume_from(made),
            "assumed_watts": self.config.measuring.assumed_watts,
            **resources,
            "cpu": resources["threads"],
        }

    def _measuring(self, wanted: set[Made]) -> dict[str, Any]:
        """What all measuring trials of these weights share, in the object store. The first model is there in any case:
        the anchor is measured with it."""
        data: dict[str, MeasuringData] = {}
        files: dict[str, dict[int, Any]] = {}
        first, seeds = next(iter(self.inputs.models)), sorted({seed for _, seed in wanted})
        for name, own in self.inputs.models.items():
            digests, files[name] = {}, {}
            for seed in (seed for seed in seeds if name == first or (name, seed) in wanted):
                model = self._model((name, seed))
                digests[seed] = Digests(digest_of(model.weights), own.recipe_digest, self.inputs.data_digest)
                files[name][seed] = ray.put(model)
            data[name] = MeasuringData(
                task=self.config.task,
                validation=own.validation,
                trained=not self.config.random_weights,
                settings=self.config.measuring,
                max_positions=own.max_positions,
                digests=digests,
                tokenising_cpu_s=own.tokenising_cpu_s,
                fresh=None if own.fresh is None else own.fresh.data,
                one_of_several=len(self.inputs.models) > 1,
            )
        return {"data": data, "files": files}

    def _model(self, made: Made) -> ModelFiles:
        """The weights that trials of a model and a seed measure."""
        known = self.inputs.models[made[0]].checkpoint
        if known is not None:
            return known
        if self.config.random_weights:
            return self._pretrained(made)
        files, _ = load_checkpoint(
            str(self.weights.path(made)), get_task(self.config.task).head, self.inputs.label_names
        )
        return files

    def _pretrained(self, made: Made) -> ModelFiles:
        """What the fine-tuning of a model and a seed begins with; untrained throughout with --random-weights."""
        source = next(model.source for model in self.config.models if model.name == made[0])
        head = get_task(self.config.task).head
        return load_pretrained(
            source, head, self.inputs.label_names, made[1], random_weights=self.config.random_weights
        )

    def _run(self, experiment: Experiment, progress: Progress, concurrent: int | None = None) -> dict[str, str]:
        at_once = concurrent or self.devices.concurrent
        return experiment.run(self.folder, self.storage, at_once, self.row_flags, progress)
