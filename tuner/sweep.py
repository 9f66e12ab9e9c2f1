"""The sweep: fine-tune once per seed, then measure every trial, both by Ray Tune. The only Ray wiring.

from search_spaces.presets import preset
from tuner import sweep
result = sweep.run(preset("demo"), "runs/demo")
result.rows        # a DataFrame, one row per trial
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.config import TrialConfig, model_slug
from search_spaces.errors import UsageError
from search_spaces.spaces import grid
from search_spaces.sweep_config import SweepConfig
from tuner.environment import describe
from tuner.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd
    from ray.tune.search import Searcher

    from trainables.encoder import ModelFiles
    from tuner.progress import Progress

PROJECT_ROOT = Path(__file__).resolve().parent.parent
MAX_CPUS_PER_GPU = 4
OVERHEAD_S = 1.0  # of a trial beyond warm-up and windows; for the estimate of --dry-run only


@dataclass(frozen=True)
class RayOptions:
    """How Ray is started; none of it changes what is measured."""

    dashboard: bool = False
    """Start Ray's dashboard (bound to 127.0.0.1) and print its address and how to sign in."""
    address: str | None = None
    """Join this Ray cluster ("auto": the one running here). Default: start Ray on this machine."""


@dataclass(frozen=True)
class SweepResult:
    path: Path
    rows: "pd.DataFrame"  # columns: trainables.record.COLUMNS
    complete: bool  # every trial of the sweep has a row


class Interrupted(Exception):
    """The sweep was stopped before there is any row; the message says how to go on."""


@dataclass(frozen=True)
class SweepPlan:
    """The trials of a sweep in their order, and about how long measuring takes on one device."""

    trials: list[TrialConfig]
    seconds_per_trial: float


def plan(config: SweepConfig) -> SweepPlan:
    """The trials of a sweep; reads the model's config, loads no weights. UsageError for impossible values."""
    from trainables.encoder import load_config, max_positions

    model = load_config(config.checkpoint or config.model)
    trials = grid(config, model.num_hidden_layers, max_positions(model))
    m = config.measuring
    windows_s = max(m.min_total_s, m.min_windows * m.min_window_s)
    return SweepPlan(trials, m.warmup_s + windows_s + OVERHEAD_S)


def run(
    config: SweepConfig,
    output_dir: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    ray_options: RayOptions | None = None,
) -> SweepResult:
    """Run (or, with `resume`, finish) a sweep. Ctrl-C leaves a readable folder and an incomplete result.

    Raises UsageError for whatever is wrong with the request, before any trial starts.
    """
    trials = plan(config).trials
    inputs = load_inputs(config)
    folder = (
        RunFolder.resume(Path(output_dir))
        if resume
        else RunFolder.create(Path(output_dir), config, overwrite)
    )
    try:
        with ray_devices(ray_options or RayOptions()) as devices:
            Sweep(config, folder, inputs, devices).run(trials)
        return _result(folder, trials)
    finally:
        folder.close()


def _result(folder: RunFolder, trials: Sequence[TrialConfig]) -> SweepResult:
    from analysis.load import finished_trials, load

    done = finished_trials(folder.path)
    if not done:
        raise Interrupted(f"stopped before the first trial was measured; go on with --resume {folder.path}")
    return SweepResult(folder.path, load(folder.path), all(t.trial_id in done for t in trials))


@dataclass(frozen=True)
class Inputs:
    """Everything read from disk or hub before Ray starts, so that bad input ends the run before any trial."""

    tokenizer: Any
    train: Any | None  # Tokenized; None where nothing is fine-tuned
    validation: Any
    num_labels: int
    max_positions: int
    given: "ModelFiles | None"  # a checkpoint, or random weights


def load_inputs(config: SweepConfig) -> Inputs:
    from trainables import encoder
    from trainables.tasks import get_task

    task = get_task(config.task)
    data_dir = Path(config.data_dir) if config.data_dir else None
    source = config.checkpoint or config.model
    tokenizer = encoder.load_tokenizer(source)
    validation = task.load("validation", data_dir, config.measuring.eval_examples)
    finetuned = not (config.checkpoint or config.random_weights)
    train = task.load("train", data_dir, config.finetuning.train_examples) if finetuned else None
    num_labels = task.num_labels(validation if train is None else train)
    given = None
    if config.checkpoint:
        given = encoder.load_checkpoint(config.checkpoint, task.head)
    return Inputs(
        tokenizer=tokenizer,
        train=task.tokenize(train, tokenizer) if train is not None else None,
        validation=task.tokenize(validation, tokenizer),
        num_labels=num_labels,
        max_positions=encoder.max_positions(encoder.load_config(source)),
        given=given,
    )


@dataclass(frozen=True)
class Devices:
    """What the cluster has, and what one trial gets of it."""

    gpus: int
    cpus: int

    def resources(self, cpu_threads: int | None) -> dict[str, int]:
        """A GPU and a few cores per trial; on a CPU host all cores, since two trials would disturb each other."""
        if not self.gpus:
            return {"cpu": min(cpu_threads or self.cpus, self.cpus), "gpu": 0}
        share = max(1, self.cpus // self.gpus)
        return {"cpu": min(cpu_threads or MAX_CPUS_PER_GPU, share), "gpu": 1}

    @property
    def concurrent(self) -> int:
        """One measuring trial per GPU, or one on a CPU host."""
        return max(1, self.gpus)


class Sweep:
    """The two phases of one start of a run."""

    def __init__(self, config: SweepConfig, folder: RunFolder, inputs: Inputs, devices: Devices) -> None:
        self.config, self.folder, self.inputs, self.devices = config, folder, inputs, devices

    def run(self, trials: list[TrialConfig]) -> None:
        if not self.prepare():
            return
        if self.measure(trials) and self.config.frontier_replicates > 1:
            self.measure(self.frontier_trials(trials))

    def prepare(self) -> bool:
        """Say where this run is made and fine-tune what has no checkpoint yet; False if that was interrupted."""
        self.folder.write_json("environment.json", describe(self.config))
        return self.finetune()

    # ---- fine-tuning ----

    def checkpoint(self, seed: int) -> Path:
        return self.folder.checkpoint(f"{self.config.task}-{model_slug(self.config.model)}-s{seed}")

    def finetune(self) -> bool:
        """Fine-tune every seed that has no checkpoint yet; False if that was interrupted."""
        import ray
        from ray import tune

        from trainables import encoder
        from trainables.finetune import FinetuneTrainable, TrainingData
        from trainables.tasks import get_task
        from tuner.progress import Progress

        if self.inputs.train is None:
            return True
        missing = [seed for seed in self.config.seeds if not self.checkpoint(seed).is_dir()]
        if not missing:
            return True
        head = get_task(self.config.task).head
        files = {
            seed: ray.put(encoder.load_pretrained(self.config.model, head, self.inputs.num_labels, seed))
            for seed in missing
        }
        data = TrainingData(self.config.task, self.inputs.train, self.inputs.validation)
        jobs = [
            {
                "name": self._finetune_name(seed),
                "task": self.config.task,
                "model": self.config.model,
                "seed": seed,
                "finetuning": asdict(self.config.finetuning),
                "resume_from": self._newest_checkpoint(seed),
                "assumed_watts": self.config.measuring.assumed_watts,
                **self.devices.resources(self.config.measuring.cpu_threads),
            }
            for seed in missing
        ]
        self._tune(
            FinetuneTrainable,
            {"data": data, "files": files},
            Progress(len(jobs)),
            jobs=jobs,
            checkpoint=tune.CheckpointConfig(num_to_keep=1, checkpoint_frequency=1, checkpoint_at_end=True),
        )
        for seed in missing:
            self._keep_checkpoint(seed)
        return all(self.checkpoint(seed).is_dir() for seed in missing)

    def _finetune_name(self, seed: int) -> str:
        return f"finetune-{self.config.task}-{model_slug(self.config.model)}-s{seed}"

    def _newest_checkpoint(self, seed: int) -> str | None:
        """The latest complete checkpoint of a seed's fine-tuning in any earlier start."""
        from trainables.finetune import STATE_FILE

        found: list[tuple[int, str]] = []
        for state in self.folder.ray_dir.glob(
            f"finetune-*/{self._finetune_name(seed)}/checkpoint_*/{STATE_FILE}"
        ):
            try:
                found.append((int(json.loads(state.read_text())["epoch"]), str(state.parent)))
            except (ValueError, KeyError):
                continue  # cut short while it was written
        return max(found)[1] if found else None

    def _keep_checkpoint(self, seed: int) -> None:
        """Move a finished fine-tuning's weights to checkpoints/, as a folder any Transformers program loads."""
        from trainables.encoder import WEIGHTS_FILE
        from trainables.finetune import STATE_FILE

        newest = self._newest_checkpoint(seed)
        if newest is None:
            return
        state = json.loads((Path(newest) / STATE_FILE).read_text())
        if state["epoch"] < state["epochs"]:
            return
        target = self.checkpoint(seed)
        temporary = target.with_name(target.name + ".tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name in (WEIGHTS_FILE, "config.json"):
            shutil.copy2(Path(newest) / name, temporary / name)
        self.inputs.tokenizer.save_pretrained(temporary)
        temporary.rename(target)
        for used in self.folder.ray_dir.glob(f"finetune-*/{self._finetune_name(seed)}/checkpoint_*"):
            shutil.rmtree(used)  # weights and optimiser moments, three times the model

    # ---- measuring ----

    def measure(self, trials: Iterable[TrialConfig]) -> bool:
        """Measure every trial that has no row on disk; False if that was interrupted."""
        from analysis.load import finished_trials
        from trainables.measure import MeasureTrainable
        from tuner.progress import Progress

        trials = list(trials)
        done = finished_trials(self.folder.path)
        left = [t for t in trials if t.trial_id not in done]
        if not left:
            return True
        self._tune(
            MeasureTrainable,
            self._measuring(sorted({t.seed for t in left})),
            Progress(len(trials), len(trials) - len(left)),
            jobs=[self.job(t) for t in left],
        )
        done = finished_trials(self.folder.path)
        return all(t.trial_id in done for t in trials)

    def search(self, searcher: "Searcher", progress: "Progress") -> None:
        """Measure what a searcher suggests ({"job": ...}, see `job`) until it is finished."""
        from trainables.measure import MeasureTrainable

        self._tune(MeasureTrainable, self._measuring(self.config.seeds), progress, searcher=searcher)

    def job(self, trial: TrialConfig) -> dict[str, Any]:
        """What a measuring trial is started with."""
        resources = self.devices.resources(self.config.measuring.cpu_threads)
        return {"name": trial.trial_id, **trial.to_dict(), **resources}

    def _measuring(self, seeds: Iterable[int]) -> dict[str, Any]:
        """What all measuring trials share, in the object store."""
        import ray

        from trainables.bench import MeasuringData

        data = MeasuringData(
            task=self.config.task,
            validation=self.inputs.validation,
            trained=not self.config.random_weights,
            settings=self.config.measuring,
            max_positions=self.inputs.max_positions,
        )
        return {"data": data, "files": {seed: ray.put(self._files(seed)) for seed in seeds}}

    def _files(self, seed: int) -> "ModelFiles":
        from trainables import encoder
        from trainables.tasks import get_task

        if self.inputs.given is not None:
            return self.inputs.given
        head = get_task(self.config.task).head
        if self.config.random_weights:
            return encoder.load_pretrained(
                self.config.model, head, self.inputs.num_labels, seed, random_weights=True
            )
        return encoder.load_checkpoint(str(self.checkpoint(seed)), head)

    def frontier_trials(self, grid_trials: Sequence[TrialConfig]) -> list[TrialConfig]:
        """More replicates of the configurations that the grid's own rows put on the energy frontier."""
        from dataclasses import replace

        from analysis import load, pareto_set
        from analysis.table import configurations, valid

        rows = load(self.folder.path)
        rows = rows[rows["trial_id"].isin([t.trial_id for t in grid_trials])]
        table = pareto_set(configurations(valid(rows)[0]), ["accuracy", "energy_j_per_example"])
        keys = ["max_seq_len", "depth", "precision", "batch_size", "padding", "backend"]
        front = set(table.loc[table["front"], keys].itertuples(index=False, name=None))
        return [
            replace(t, replicate=r)
            for r in range(self.config.replicates, self.config.frontier_replicates)
            for t in grid_trials
            if t.replicate == 0 and tuple(getattr(t, k) for k in keys) in front
        ]

    # ---- Tune ----

    def _tune(
        self,
        trainable: Any,
        parameters: dict[str, Any],
        progress: "Progress",
        jobs: list[dict[str, Any]] | None = None,
        searcher: "Searcher | None" = None,
        checkpoint: Any = None,
    ) -> None:
        """One Tune experiment over ready-made jobs in their order, or over what a searcher suggests; an error
        stays with its trial."""
        from ray import tune

        def name(trial: Any) -> str:
            return trial.config["job"]["name"]

        shared = tune.with_parameters(trainable, **parameters)
        shared.__name__ = trainable.__name__  # what the dashboard calls the actor
        tune.Tuner(
            shared,
            param_space={"job": tune.grid_search(jobs)} if searcher is None else {},
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=1 if searcher is None else -1,  # -1: until the searcher is finished
                reuse_actors=trainable.PHASE == "measure",
                max_concurrent_trials=self.devices.concurrent,
                trial_name_creator=name,
                trial_dirname_creator=name,
            ),
            run_config=tune.RunConfig(
                name=self.folder.next_experiment(trainable.PHASE),
                storage_path=str(self.folder.ray_dir),
                checkpoint_config=checkpoint or tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=1),
                callbacks=[progress],
                verbose=0,
            ),
        ).fit()


@contextmanager
def ray_devices(options: RayOptions) -> Iterator[Devices]:
    """Ray, started here or joined; the devices it offers."""
    # Tune's state reaches the disk every second; the working directory of workers stays the driver's.
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1")
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    os.environ.setdefault(
        "RAY_AIR_NEW_OUTPUT", "0"
    )  # the other reporter prints a header even when told not to
    import ray

    try:
        context = ray.init(
            address=options.address,
            include_dashboard=options.dashboard if options.address is None else None,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": {"PYTHONPATH": _python_path(), "TOKENIZERS_PARALLELISM": "false"}},
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"Ray must start or be reachable (--address {options.address}), but: {error}; "
            "check the address, or leave it out to start Ray here"
        ) from error
    try:
        if options.dashboard and context.dashboard_url:
            print(
                f"Ray dashboard: http://{context.dashboard_url}\n"
                "  sign in with the token that `ray get-auth-token` prints",
                flush=True,
            )
        total = ray.cluster_resources()
        yield Devices(gpus=int(total.get("GPU", 0)), cpus=int(total.get("CPU", 1)))
    finally:
        ray.shutdown()


def _python_path() -> str:
    """Workers import the project from wherever the driver was started."""
    return os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
