"""The sweep: fine-tune once per seed, then measure every trial, both by Ray Tune. The only Ray wiring.

from search_spaces.presets import preset
from tuner import sweep
result = sweep.run(preset("demo"), "runs/demo")
result.rows        # a DataFrame, one row per trial
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.errors import UsageError
from search_spaces.grid import grid
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from trainables.rows.finished import damaged_trials, finished_trials
from trainables.rows.folder import FINETUNE, MEASURE
from tuner.cluster.machines import Devices, check_shared, describe_machines, devices_of_this_cluster, worker_environment
from tuner.cluster.ports import LOOPBACK, join_options, lines, loopback_only, start_options
from tuner.run.environment import describe
from tuner.run.faults import explained, sigterm_as_ctrl_c
from tuner.run.folder import RunFolder, read_sweep
from tuner.run.resume import begin, check_settings, keep_settings
from tuner.run.storage import KEPT_FILES, Storage, claim

if TYPE_CHECKING:
    import pandas as pd
    from ray.tune.search import Searcher

    from trainables.model.loading import ModelFiles
    from tuner.cluster.progress import Progress

FRONTIER_ROUNDS = 3
# For the estimate of --dry-run only, both from EXPERIMENTS.md (H100): what a trial takes beyond warm-up and windows.
OVERHEAD_S, COMPILE_S = 0.6, 13.0


@dataclass(frozen=True)
class RayOptions:
    """How Ray is started; none of it changes what is measured."""

    dashboard: bool = False
    """Start Ray's dashboard and print its address and how to sign in."""
    dashboard_host: str = LOOPBACK
    """Where the dashboard listens. 127.0.0.1 is this machine alone; more is not safe: docs/security.md."""
    metrics_port: int | None = None
    """Serve Prometheus metrics at this port of 127.0.0.1: docs/watching.md. Default: Ray chooses one."""
    address: str | None = None
    """Join this Ray cluster ("auto": the one running here; also RAY_ADDRESS). Default: start Ray on this machine."""
    wait_for_gpus: int = 0
    """Wait until the cluster that is joined has so many GPUs: trials are spread over what is there at the start."""
    storage_path: str | None = None
    """Shared folder or URI (s3://, gs://) for fine-tuning checkpoints and results: docs/running.md. Default: the run
    folder alone."""


@dataclass(frozen=True)
class SweepResult:
    path: Path
    rows: "pd.DataFrame"  # columns: trainables.rows.columns.COLUMNS
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
    from trainables.model.loading import load_config, max_positions

    model = load_config(config.checkpoint or config.model)
    trials = grid(config, model.num_hidden_layers, max_positions(model))
    m = config.measuring
    windows_s = max(m.min_total_s, m.min_windows * m.min_window_s)
    compiled = sum(t.backend.startswith("compile") for t in trials) / len(trials)
    return SweepPlan(trials, m.warmup_s + windows_s + OVERHEAD_S + compiled * COMPILE_S)


def run(
    config: SweepConfig,
    output_dir: str | Path,
    *,
    trials: Sequence[TrialConfig] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    ray_options: RayOptions | None = None,
    resume_anyway: bool = False,
    retry_failed: bool = False,
) -> SweepResult:
    """Run (or, with `resume`, finish) a sweep: the grid of the config's axes, or the `trials` given. Ctrl-C leaves a
    readable folder and an incomplete result.

    A resumed run must be asked for as it was started, and where it was started; `resume_anyway` marks the rows instead
    (docs/running.md). `retry_failed` measures failed trials again. Raises UsageError for whatever is wrong with the
    request, before any trial starts, and where the disk is full.
    """
    output, options = Path(output_dir), ray_options or RayOptions()
    changed = check_settings(read_sweep(output), config, resume_anyway) if resume else []
    trials = plan(config).trials if trials is None else list(trials)
    inputs = load_inputs(config)
    with explained(output):
        if not resume:
            claim(output, options.storage_path, overwrite)
        folder = RunFolder.resume(output) if resume else RunFolder.create(output, config, overwrite)
        try:
            storage = Storage.of(folder.path, options.storage_path)
            with ray_devices(options) as devices:
                sweep = Sweep(config, folder, inputs, devices, storage, retry_failed=retry_failed)
                sweep.run(trials, changed, resume_anyway)
            return _result(folder, trials)
        finally:
            folder.close()


def done_trials(run: Path, retry_failed: bool = False) -> set[str]:
    """The trials that a resumed run does not start: those with a row, or with a measurement."""
    found = finished_trials(run)
    return {name for name, status in found.items() if status in ("ok", "pruned") or not retry_failed}


def _result(folder: RunFolder, trials: Sequence[TrialConfig]) -> SweepResult:
    from analysis.rows.load import load

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
    remarks: dict[str, int]  # what training leaves out or cannot use, and why: rule -> examples


def load_inputs(config: SweepConfig) -> Inputs:
    from trainables.model import loading as encoder
    from trainables.tasks import get_task
    from trainables.tasks.token_cache import tokenized

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
    tokens = tokenized(task, train, tokenizer) if train is not None else None
    return Inputs(
        tokenizer=tokenizer,
        train=tokens,
        validation=tokenized(task, validation, tokenizer),
        num_labels=num_labels,
        max_positions=encoder.max_positions(encoder.load_config(source)),
        given=given,
        remarks=task.remarks(tokens, config.finetuning.train_max_seq_len) if train is not None else {},
    )


class Sweep:
    """The two phases of one start of a run."""

    reuse_actors = True  # one measuring process per GPU for the whole sweep; a benchmark tries without

    def __init__(
        self,
        config: SweepConfig,
        folder: RunFolder,
        inputs: Inputs,
        devices: Devices,
        storage: Storage,
        retry_failed: bool = False,
    ) -> None:
        from tuner.run.weights import Weights

        self.config, self.folder, self.inputs, self.devices = config, folder, inputs, devices
        self.storage, self.retry_failed = storage, retry_failed
        self.weights = Weights(config, folder, storage)
        self.marks: frozenset[str] = frozenset()  # flags of every row of this start

    def run(self, trials: list[TrialConfig], changed: list[str], resume_anyway: bool) -> None:
        if not self.prepare(changed, resume_anyway):
            return
        if self.measure(trials) and self.config.frontier_replicates > 1:
            self.replicate_frontier(trials)

    def prepare(self, changed: Sequence[str] = (), anyway: bool | None = None) -> bool:
        """Keep where this start is made and fine-tune what has no checkpoint yet; False if that was interrupted.

        `changed`: settings that are not those of the run's first start. `anyway`: go on although something else
        differs, too; None where that is not offered.
        """
        now = describe(self.config, describe_machines(self.devices))
        if self.inputs.remarks:
            now["training_data"] = self.inputs.remarks
        for rule, count in self.inputs.remarks.items():
            print(f"training data: {count} examples {rule}", flush=True)
        for trial, damage in damaged_trials(self.folder.path).items():
            print(f"{trial}: {damage}; it is measured again", flush=True)
        odd = list(changed)
        if self.inputs.train is not None:
            odd += self.weights.drop_damaged(done_trials(self.folder.path), anyway)
        self.marks = begin(self.folder, now, odd, anyway)
        if read_sweep(self.folder.path) != self.config:
            keep_settings(self.folder, self.config)
        for name in KEPT_FILES:
            self.storage.push(self.folder.path / name)
        return self.finetune()

    # ---- fine-tuning ----

    def finetune(self) -> bool:
        """Fine-tune every seed that has no checkpoint yet; False if that was interrupted."""
        import ray
        from ray import tune

        from trainables.finetune.finetune_trainable import TrainingData
        from trainables.model import loading as encoder
        from trainables.tasks import get_task
        from tuner.cluster.progress import Progress
        from tuner.run.checkpoints import KeptFinetune

        missing = self.weights.missing() if self.inputs.train is not None else []
        # A driver that was killed just now may have left one that only needs to be kept.
        missing = [seed for seed in missing if not self.weights.keep(seed, self.inputs.tokenizer)]
        if not missing:
            return True
        if not self.storage.remote:
            check_shared(self.folder.ray_dir, self.devices)
        head = get_task(self.config.task).head
        files = {
            seed: ray.put(encoder.load_pretrained(self.config.model, head, self.inputs.num_labels, seed))
            for seed in missing
        }
        data = TrainingData(self.config.task, self.inputs.train, self.inputs.validation)
        resources = self.devices.resources(self.config.measuring.cpu_threads)
        jobs = [
            {
                "name": self.weights.trial(seed),
                "phase": FINETUNE,
                "task": self.config.task,
                "model": self.config.model,
                "seed": seed,
                "finetuning": asdict(self.config.finetuning),
                "resume_from": self.weights.resume_from(seed),
                "assumed_watts": self.config.measuring.assumed_watts,
                **resources,
                "cpu": resources["threads"],
            }
            for seed in missing
        ]
        lost = self._tune(
            KeptFinetune,
            {"data": data, "files": files},
            Progress(len(jobs)),
            jobs=jobs,
            checkpoint=tune.CheckpointConfig(num_to_keep=1, checkpoint_frequency=1, checkpoint_at_end=True),
        )
        kept = [self.weights.keep(seed, self.inputs.tokenizer) for seed in missing]
        if lost:
            trial, cause = next(iter(lost.items()))
            raise UsageError(
                f"every fine-tuning must finish, but {trial} failed twice: {cause}; see error.txt under "
                f"{self.folder.ray_dir}, then go on with --resume {self.folder.path}"
            )
        return all(kept)

    # ---- measuring ----

    def measure(self, trials: Iterable[TrialConfig]) -> bool:
        """Measure every trial that has no row on disk; False if that was interrupted."""
        from trainables.measure_trainable import MeasureTrainable
        from tuner.cluster.progress import Progress

        trials = list(trials)
        done = done_trials(self.folder.path, self.retry_failed)
        left = [t for t in trials if t.trial_id not in done]
        if not left:
            return True
        self._tune(
            MeasureTrainable,
            self._measuring(sorted({t.seed for t in left})),
            Progress(len(trials), len(trials) - len(left)),
            jobs=[self.job(t) for t in left],
        )
        done = done_trials(self.folder.path)
        return all(t.trial_id in done for t in trials)

    def search(self, searcher: "Searcher", progress: "Progress") -> None:
        """Measure what a searcher suggests ({"job": ...}, see `job`) until it is finished."""
        from trainables.measure_trainable import MeasureTrainable

        self._tune(MeasureTrainable, self._measuring(self.config.seeds), progress, searcher=searcher)

    def job(self, trial: TrialConfig) -> dict[str, Any]:
        """What a measuring trial is started with."""
        resources = self.devices.resources(self.config.measuring.cpu_threads)
        return {"name": trial.trial_id, "phase": MEASURE, **trial.to_dict(), **resources}

    def _measuring(self, seeds: Iterable[int]) -> dict[str, Any]:
        """What all measuring trials share, in the object store."""
        import ray

        from trainables.worker import MeasuringData

        data = MeasuringData(
            task=self.config.task,
            validation=self.inputs.validation,
            trained=not self.config.random_weights,
            settings=self.config.measuring,
            max_positions=self.inputs.max_positions,
        )
        return {"data": data, "files": {seed: ray.put(self._files(seed)) for seed in seeds}}

    def _files(self, seed: int) -> "ModelFiles":
        from trainables.model import loading as encoder
        from trainables.tasks import get_task

        if self.inputs.given is not None:
            return self.inputs.given
        head = get_task(self.config.task).head
        if self.config.random_weights:
            return encoder.load_pretrained(self.config.model, head, self.inputs.num_labels, seed, random_weights=True)
        return encoder.load_checkpoint(str(self.weights.path(seed)), head)

    def replicate_frontier(self, trials: Sequence[TrialConfig]) -> bool:
        """More replicates of what is compared: the energy frontier, and the baseline of every saving. False if
        interrupted. New means can move the frontier, so it is looked at again, FRONTIER_ROUNDS times at most."""
        return all(self.measure(self.frontier_trials(trials)) for _ in range(FRONTIER_ROUNDS))

    def frontier_trials(self, trials: Sequence[TrialConfig]) -> list[TrialConfig]:
        """The replicates, up to frontier_replicates, of what the rows so far put on the frontier."""
        from dataclasses import replace

        from analysis import pareto_set
        from analysis.findings.baseline import find_baseline
        from analysis.findings.configurations import configurations, valid
        from analysis.rows.load import load

        rows = load(self.folder.path)
        table = pareto_set(configurations(valid(rows)[0]), ["accuracy", "energy_j_per_example"])
        keys = list(trials[0].configuration)
        front = table["front"] | (table.index == find_baseline(table))
        chosen = set(table.loc[front, keys].itertuples(index=False, name=None))
        return [
            replace(t, replicate=r)
            for r in range(self.config.replicates, self.config.frontier_replicates)
            for t in trials
            if t.replicate == 0 and tuple(getattr(t, k) for k in keys) in chosen
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
    ) -> dict[str, str]:
        """One Tune experiment over ready-made jobs in their order, or over what a searcher suggests; an error
        stays with its trial. Trials that were given up, and why."""
        from ray import tune

        from tuner.run.rows import Keeper

        # Tune prints a traceback per failed attempt; the keeper says why in a line, and error.txt has the rest.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

        def name(trial: Any) -> str:
            return trial.config["job"]["name"]

        shared = tune.with_parameters(trainable, **parameters)
        shared.__name__ = shared.__qualname__ = trainable.__name__  # what the dashboard calls the actor
        experiment = self.folder.next_experiment(trainable.PHASE)
        keeper = Keeper(self.folder.ray_dir / experiment, self.marks, self.storage.push_soon)
        tuner = tune.Tuner(
            shared,
            param_space={"job": tune.grid_search(jobs)} if searcher is None else {},
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=1 if searcher is None else -1,  # -1: until the searcher is finished
                reuse_actors=self.reuse_actors and trainable.PHASE == MEASURE,
                max_concurrent_trials=self.devices.concurrent,
                trial_name_creator=name,
                trial_dirname_creator=name,
            ),
            run_config=tune.RunConfig(
                name=experiment,
                **self.storage.ray_options,
                checkpoint_config=checkpoint or tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=1),
                callbacks=[keeper, progress],  # the row first: what is printed is kept
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except Exception:
            if keeper.broken is not None:  # Tune has put it into words of its own
                raise keeper.broken from None
            raise
        self.storage.flush()
        self.storage.fetch(f"ray/{experiment}")
        return keeper.lost


@contextmanager
def ray_devices(options: RayOptions) -> Iterator[Devices]:
    """Ray, started here or joined; the devices it offers."""
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # workers' working directory stays the driver's
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the other reporter prints a header even when told not to
    import ray

    joined = options.address or os.environ.get("RAY_ADDRESS")
    how = join_options(options, joined) if joined else start_options(options)
    try:
        with nullcontext() if joined else loopback_only():
            context = ray.init(
                **how, log_to_driver=False, logging_level="ERROR", runtime_env=worker_environment(joined is not None)
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"Ray must start or be reachable (--address {options.address}), but: {error}; "
            "check the address, or leave it out to start Ray here"
        ) from error
    try:
        port = None if joined else context.address_info["metrics_export_port"]
        if options.dashboard or options.metrics_port:
            print("\n".join(lines(context.dashboard_url, port)), flush=True)
        with sigterm_as_ctrl_c():
            yield devices_of_this_cluster(options.wait_for_gpus)
    finally:
        ray.shutdown()
