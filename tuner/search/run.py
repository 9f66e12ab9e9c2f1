"""A search from Python: fine-tune once, then measure what the sampler suggests, until it is enough.

from search_spaces.presets import preset
from search_spaces.search_config import SearchConfig
from tuner import search_run
result = search_run.run(preset("demo"), SearchConfig(trials=12), "runs/search")
result.rows        # a DataFrame, one row per trial of this folder
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.errors import UsageError, check
from search_spaces.goal import closest
from search_spaces.objectives import score_names
from search_spaces.search_config import SearchConfig
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import SweepConfig
from trainables.rows.finished import finished_trials
from tuner.run.folder import SWEEP_FILE, RunFolder, read_sweep

if TYPE_CHECKING:
    import pandas as pd

    from tuner.search.history import History
    from tuner.search.searcher import FrontierSearch
    from tuner.sweep import RayOptions

SEARCH_FILE = "search.json"
HISTORY_FILE = "history.csv"


@dataclass(frozen=True)
class SearchResult:
    path: Path
    rows: "pd.DataFrame"  # columns: trainables.rows.columns.COLUMNS
    history: "pd.DataFrame"  # history.csv
    frontier: list[str]  # trial_id, the best in the first objective first; may hold imported ones
    stopped: str  # why the search ended; empty where it was interrupted


def read_search(path: Path) -> tuple[SweepConfig, SearchConfig]:
    """Sweep and search of an earlier run, as it was started."""
    sweep = read_sweep(path)
    file = path / SEARCH_FILE
    if not file.is_file():
        raise UsageError(f"--resume needs the folder of a search, but {path} has no {SEARCH_FILE}; see tuner.grid")
    try:
        return sweep, SearchConfig.from_dict(json.loads(file.read_text()))
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{file} must hold the search's settings, but: {error}; start a new run") from error


def space_of(config: SweepConfig, address: str | None = None) -> SearchSpace:
    """The space of a sweep's axes on this machine (on a cluster: with GPUs). Loads no weights."""
    from trainables.device import accelerator
    from trainables.model.loading import load_config, max_positions

    model = load_config(config.checkpoint or config.model)
    device = "cuda" if address is not None else accelerator().type
    return SearchSpace.of(config, model.num_hidden_layers, max_positions(model), device)


def run(
    config: SweepConfig,
    search: SearchConfig,
    output_dir: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    from_runs: Sequence[Path] = (),
    ray_options: "RayOptions | None" = None,
) -> SearchResult:
    """Run (or, with `resume`, go on with) a search. Ctrl-C leaves a readable folder.

    Raises UsageError for whatever is wrong with the request, before any trial starts, and at the end where no
    configuration keeps the limits.
    """
    import optuna

    from tuner.run.faults import explained
    from tuner.run.storage import Storage, claim
    from tuner.search.history import History, Stopping
    from tuner.search.progress import SearchProgress
    from tuner.search.samplers import make_sampler
    from tuner.search.searcher import STUDY_NAME, FrontierSearch
    from tuner.search.study import (
        IDENTITY,
        STUDY_FILE,
        add_imported,
        check_identity,
        identity,
        open_storage,
        read_runs,
        restore,
    )
    from tuner.sweep import RayOptions, Sweep, load_inputs, ray_devices

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options = ray_options or RayOptions()
    output = Path(output_dir)
    space = space_of(config, options.address or os.environ.get("RAY_ADDRESS"))  # of a job that was submitted
    _check_goal(config, search, space)
    _check_weights(config, from_runs)
    imported = read_runs(from_runs, space, search.goal, _devices(space)) if from_runs else {}
    if not resume:
        _check_trials(search, space, len([p for p in space.start_points if p not in imported]))
    inputs = load_inputs(config)
    if resume and read_sweep(output) != config:
        raise UsageError(
            f"a search goes on with the task, axes and settings of its {output / 'sweep.json'}, but others "
            "were given; start a new search, with --from-run to keep what was measured"
        )
    with explained(output):
        if not resume:
            claim(output, options.storage_path, overwrite)
        folder = RunFolder.resume(output) if resume else RunFolder.create(output, config, overwrite)
        try:
            kept = Storage.of(folder.path, options.storage_path)
            storage = open_storage(folder.path)
            check_identity(storage, STUDY_NAME, space, search.goal, folder.path / STUDY_FILE)
            folder.write_json(SEARCH_FILE, search.to_dict())
            with ray_devices(options) as devices:
                sweep = Sweep(config, folder, inputs, devices, kept)
                history = History(search.goal)
                rows = _rows(folder)
                searcher = FrontierSearch(
                    space,
                    search.goal,
                    # A resumed sampler goes on with another seed: the same one would draw the same points again.
                    make_sampler(search.sampler, space, search.search_seed + len(rows)),
                    history,
                    Stopping(search.trials, search.time_budget_s, search.patience),
                    sweep.job,
                    storage,
                    search.prune,
                )
                searcher.study.set_user_attr(IDENTITY, identity(space, search.goal))
                restore(searcher, rows)
                if imported:
                    known = {step.trial_id for step in history.steps}
                    add_imported(searcher, {p: r for p, r in imported.items() if space.trial(p).trial_id not in known})
                searcher.enqueue_start_points()
                _take_checkpoint(sweep.weights.path(space.seed), from_runs)
                if sweep.prepare():
                    searcher.start_clock()
                    sweep.search(searcher, SearchProgress(history, search.trials))
                    if searcher.stopped and config.frontier_replicates > 1:
                        sweep.replicate_frontier([space.trial(p) for p in space.points])
            return _result(folder, searcher, history, list(imported.values()))
        finally:
            folder.close()


def _check_goal(config: SweepConfig, search: SearchConfig, space: SearchSpace) -> None:
    """What cannot be measured here can be neither an objective nor a limit."""
    from trainables.tasks import get_task

    columns = {*search.goal.objectives, *(limit.column for limit in search.goal.limits)}
    get_task(config.task)  # an unknown one is a UsageError
    if space.device == "cpu" and "peak_gpu_memory_mib" in columns:
        raise UsageError(
            "GPU memory can be an objective or a limit only where there is a GPU, but PyTorch sees none; "
            "leave peak_gpu_memory_mib and --max-memory-mib out"
        )
    scored = columns & {*score_names(), "energy_j_per_correct"}
    if config.random_weights and scored:
        raise UsageError(
            f"random weights have no accuracy, but {', '.join(sorted(scored))} was asked for; "
            "choose objectives such as energy_j_per_example and peak_gpu_memory_mib, or leave --random-weights out"
        )


def _check_weights(config: SweepConfig, from_runs: Sequence[Path]) -> None:
    """Accuracies can be mixed only where the weights and the evaluated examples are the same."""
    for path in from_runs:
        if not (path / SWEEP_FILE).is_file():
            continue  # a table without its sweep: taken at its word
        theirs = read_sweep(path)
        tuned = not (config.checkpoint or theirs.checkpoint)
        for what, mine, other in (
            ("fine-tuning", config.finetuning if tuned else None, theirs.finetuning if tuned else None),
            ("eval_examples", config.measuring.eval_examples, theirs.measuring.eval_examples),
            ("random_weights", config.random_weights, theirs.random_weights),
        ):
            if mine != other:
                raise UsageError(
                    f"--from-run needs the same weights and examples, but the {what} of {path} is {other} and here "
                    f"it is {mine}; give the same options as there"
                )


def _take_checkpoint(target: Path, from_runs: Sequence[Path]) -> None:
    """Use the weights that an earlier run was measured with: nothing is fine-tuned again."""
    for path in from_runs:
        source = path / "checkpoints" / target.name
        if source.is_dir() and not target.is_dir():
            temporary = target.with_name(target.name + ".tmp")
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(source, temporary)
            temporary.rename(target)


def _check_trials(search: SearchConfig, space: SearchSpace, starts: int) -> None:
    check(
        search.trials is None or search.trials >= starts,
        f"trials must be at least the {starts} start points (the baseline and one-at-a-time extremes) of this space",
        search.trials,
        f"give {starts} or more, or fewer axes",
    )


def _devices(space: SearchSpace) -> list[str]:
    """Names of this machine's cards, as rows have them."""
    if space.device == "cuda":
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    from trainables.energy.meters.cpu import cpu_name

    return [cpu_name()]


def _rows(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """Rows on disk by trial_id; may be empty."""
    from analysis.rows.load import load

    if not finished_trials(folder.path):
        return {}
    return {row["trial_id"]: row for row in _records(load(folder.path))}


def _records(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]


def _result(
    folder: RunFolder, searcher: "FrontierSearch", history: "History", imported: Sequence[Mapping[str, Any]]
) -> SearchResult:
    from analysis.findings.configurations import is_estimated
    from analysis.rows.load import load
    from tuner.search import figure as search_figure
    from tuner.sweep import Interrupted

    if not finished_trials(folder.path):
        if searcher.stopped:
            raise UsageError(f"nothing was left to measure: {searcher.stopped}; give another space or --trials")
        raise Interrupted(f"stopped before the first trial was measured; go on with --resume {folder.path}")
    rows = load(folder.path)
    table = history_table(history)
    table.to_csv(folder.path / HISTORY_FILE, index=False)
    if history.reference is not None:
        search_figure.write(table, reference_text(history), folder.path, bool(is_estimated(rows).any()))
    if searcher.stopped and not history.frontier:
        raise UsageError(_no_answer(history, [*_records(rows), *imported], folder.path))
    front = [step.trial_id for step in history.frontier]
    return SearchResult(folder.path, rows, table, front, searcher.stopped)


def _no_answer(history: "History", rows: Sequence[Mapping[str, Any]], path: Path) -> str:
    """Why there is no frontier: what was null, or which limits nothing keeps and what came closest."""
    goal = history.goal
    if not any(step.scores for step in history.steps):
        errors = [r["error"] for r in rows if r["error"]] or ["an objective is null in every row"]
        return (
            f"at least one trial must measure {', '.join(goal.objectives)}, but none of {len(rows)} did: "
            f"{errors[0]}; see {path}"
        )
    limits = ", ".join(f"{limit.option} {limit.value:g}" for limit in goal.limits)
    candidates = ((str(r["trial_id"]), r) for r in rows)
    return (
        f"at least one configuration must keep {limits}, but none of {len(rows)} tried does; "
        f"the closest: {closest(goal, candidates)}; relax a limit"
    )


def history_table(history: "History") -> "pd.DataFrame":
    """One row per trial in the order they ended: trials and device_s count up, hypervolume is after the trial;
    objectives in their units (bounds where pruned)."""
    import pandas as pd

    records = []
    trials, device_s = 0, 0.0
    for step, volume in zip(history.steps, history.volumes, strict=True):
        trials += not step.imported
        device_s += step.device_s
        values = step.values or dict.fromkeys(history.goal.objectives)
        records.append(
            {
                "trials": trials,
                "device_s": device_s,
                "hypervolume": volume,
                "trial_id": step.trial_id,
                "status": step.status,
                "feasible": step.feasible,
                "imported": step.imported,
                **values,
            }
        )
    return pd.DataFrame(records)


def reference_text(history: "History") -> str:
    """The reference point in the objectives' own units."""
    if history.reference is None:
        return "no reference point"
    parts = []
    for o, score in zip(history.goal.known, history.reference, strict=True):
        value = o.sign * score
        parts.append(f"{o.name} {10**value if o.log_scale else value:.4g}{' (log)' if o.log_scale else ''}")
    return "the reference point " + ", ".join(parts)
