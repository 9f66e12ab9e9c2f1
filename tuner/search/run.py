"""A search from Python: fine-tune once, then measure what the sampler suggests, until it is enough.

from search_spaces.presets import preset
from search_spaces.search_config import SearchConfig
from tuner.search import run as search_run
result = search_run.run(preset("demo"), SearchConfig(trials=12), "runs/search")
result.rows        # a DataFrame, one row per trial of this folder
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import torch
from optuna.storages import BaseStorage

from analysis.findings.configurations import is_estimated
from analysis.rows.load import load
from analysis.rows.purpose import sweep_rows
from search_spaces.errors import UsageError
from search_spaces.search_config import SearchConfig
from search_spaces.search_space import Point, SearchSpace
from search_spaces.sweep_config import SweepConfig
from trainables.device import accelerator
from trainables.energy.meters.cpu import cpu_name
from trainables.rows.finished import finished_trials
from tuner.cluster.options import RayOptions, address_to_join
from tuner.cluster.session import check_ray, ray_session
from tuner.confirm import confirm as confirm_choice
from tuner.confirm import is_being_confirmed
from tuner.driver import Driver
from tuner.errors import Interrupted
from tuner.fresh_data import check_same
from tuner.frontier import replicate_frontier
from tuner.inputs import load_inputs
from tuner.plan import limits_of
from tuner.run.folder import SEARCH_FILE, SWEEP_FILE, check_new, read_sweep
from tuner.run.opening import RunRequest, open_run
from tuner.run.record import SEARCH, check_kind
from tuner.run.resume import changed_settings, sensed_rows
from tuner.run.storage import fetch_run
from tuner.search import figure
from tuner.search.earlier_runs import Row, check_weights, read_runs, take_checkpoint
from tuner.search.progress import SearchProgress
from tuner.search.request import check_goal, check_trials
from tuner.search.results import history_table, no_answer, reference_text
from tuner.search.sampler import make_sampler
from tuner.search.searcher import STUDY_NAME, FrontierSearch
from tuner.search.stopping import Stopping
from tuner.search.study import IDENTITY, STUDY_FILE, add_imported, check_identity, identity, open_storage, restore
from tuner.stages import stage
from tuner.start import check_cores, check_engines, check_resumed

HISTORY_FILE = "history.csv"


@dataclass(frozen=True)
class SearchResult:
    path: Path
    rows: pd.DataFrame  # columns: trainables.rows.columns.COLUMNS
    history: pd.DataFrame  # history.csv
    frontier: list[str]  # trial_id, the best in the first objective first; may hold imported ones
    stopped: str  # why the search ended; empty where it was interrupted
    complete: bool  # it ended, and its choice has the fresh trials that were asked for


def read_search(path: Path) -> tuple[SweepConfig, SearchConfig]:
    """Sweep and search of an earlier run, as it was started."""
    sweep = read_sweep(path)
    check_kind(path, SEARCH)
    file = path / SEARCH_FILE
    try:
        return sweep, SearchConfig.from_dict(json.loads(file.read_text()))
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{file} must hold the search's settings, but: {error}; start a new run") from error


def space_of(config: SweepConfig, address: str | None = None) -> SearchSpace:
    """The space of a sweep's axes on this machine (on a cluster: with GPUs). Loads no weights."""
    device = "cuda" if address is not None else accelerator().type
    return SearchSpace.of(config, limits_of(config), device)


def run(
    config: SweepConfig,
    search: SearchConfig,
    output_dir: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    from_runs: Sequence[Path] = (),
    ray_options: RayOptions | None = None,
    confirm: bool = True,
    promote: bool = False,
) -> SearchResult:
    """Run (or, with `resume`, go on with) a search, then `confirm` what it chose (`tuner.confirm`, also for `promote`).
    Ctrl-C leaves a readable folder.

    Raises UsageError for whatever is wrong with the request, before any trial starts, and at the end where no
    configuration keeps the limits.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options, output = ray_options or RayOptions(), Path(output_dir)
    if resume:
        fetch_run(output, options.storage_path)
        _check_settings(output, config)
        check_resumed(output, config, options, None)
    else:
        check_new(output, overwrite)
    check_cores(config, options)
    check_engines(config, options)
    check_ray(options)
    space = space_of(config, address_to_join(options))
    check_goal(config, search, space)
    check_weights(config, from_runs)
    imported = read_runs(from_runs, space, search.goal, _devices(space)) if from_runs else {}
    if not resume:
        check_trials(search, len([p for p in space.start_points if p not in imported]))
    with stage("reading and tokenising the data"):
        inputs = load_inputs(config)
    if resume:
        check_same(output, inputs.fresh)
    request = RunRequest(output, config, options.storage_path, resume, overwrite, search, from_runs)
    with open_run(request) as opened:
        with ray_session(options) as devices:
            folder, storage = opened.begin(devices)
            study = open_storage(folder.path)
            check_identity(study, STUDY_NAME, space, search.goal, folder.path / STUDY_FILE)
            folder.write_json(SEARCH_FILE, search.to_dict())
            driver = Driver(config, folder, inputs, devices, storage)
            searcher = _searcher(search, space, driver, study, imported)
            for made in driver.weights.wanted:
                take_checkpoint(driver.weights.path(made), from_runs)
            whole = driver.prepare(space.trial(space.baseline))
            if whole:
                searcher.start_clock()
                if resume and confirm and (promote or is_being_confirmed(folder.path, inputs.fresh)):
                    searcher.stopped = "it had ended, and its choice was being confirmed"
                else:
                    driver.search(searcher, SearchProgress(searcher.history, search.trials))
                whole = bool(searcher.stopped)
                if whole and config.frontier_replicates > 1:
                    grid = [space.trial(p) for p in space.points]
                    whole = replicate_frontier(config, folder.path, grid, driver.measure)
                if whole and confirm and finished_trials(folder.path):
                    whole = confirm_choice(driver, from_runs, promote)
        return _result(opened.folder.path, searcher, list(imported.values()), whole)


def _check_settings(output: Path, config: SweepConfig) -> None:
    """UsageError where a folder is no search's, or its settings are not those that are given."""
    before = read_sweep(output)
    check_kind(output, SEARCH)
    changed = changed_settings(before, config, sensed_rows(output))
    if changed:
        raise UsageError(
            f"a search goes on with the task, axes and settings of its {output / SWEEP_FILE}, but "
            f"{'; '.join(changed.values())}; start a new search, with --from-run to keep what was measured"
        )


def _searcher(
    search: SearchConfig, space: SearchSpace, driver: Driver, study: BaseStorage, imported: Mapping[Point, Row]
) -> FrontierSearch:
    """The searcher of a run folder; it knows what is on disk, what was imported, and its start points."""
    rows = _rows(driver.folder.path)
    searcher = FrontierSearch(
        space,
        search.goal,
        # A resumed sampler goes on with another seed: the same one would draw the same points again.
        make_sampler(search.sampler, space, search.search_seed + len(rows)),
        Stopping(search.trials, search.time_budget_s, search.patience),
        driver.job,
        study,
        search.prune,
    )
    searcher.study.set_user_attr(IDENTITY, identity(space, search.goal))
    restore(searcher, rows)
    if imported:
        known = {outcome.trial_id for outcome in searcher.history.outcomes}
        add_imported(searcher, {p: row for p, row in imported.items() if space.trial(p).trial_id not in known})
    searcher.enqueue_start_points()
    return searcher


def _devices(space: SearchSpace) -> list[str]:
    """Names of this machine's devices, as rows have them."""
    if space.device == "cuda":
        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return [cpu_name()]


def _rows(run: Path) -> dict[str, dict[str, Any]]:
    """The search's own rows on disk by trial_id; may be empty."""
    return {row["trial_id"]: row for row in _records(sweep_rows(load(run)))} if finished_trials(run) else {}


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]


def _result(run: Path, searcher: FrontierSearch, imported: Sequence[Row], whole: bool) -> SearchResult:
    """Read the rows, write the history and its figure. Raises where nothing was measured, or nothing is an answer."""
    history = searcher.history
    if not finished_trials(run):
        if searcher.stopped:
            raise UsageError(f"nothing was left to measure: {searcher.stopped}; give another space or --trials")
        raise Interrupted(f"stopped before the first trial was measured; go on with --resume {run}")
    rows, table = load(run), history_table(history)
    table.to_csv(run / HISTORY_FILE, index=False)
    if history.reference is not None:
        figure.write(table, reference_text(history), run, bool(is_estimated(rows).any()))
    if searcher.stopped and not history.frontier:
        raise UsageError(no_answer(history, [*_records(sweep_rows(rows)), *imported], run))
    front = [outcome.trial_id for outcome in history.frontier]
    return SearchResult(run, rows, table, front, searcher.stopped, whole)
