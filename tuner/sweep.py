"""A sweep from Python: fine-tune once per seed, then measure every trial, both by Ray Tune.

from search_spaces.presets import preset
from tuner import sweep
result = sweep.run(preset("demo"), "runs/demo")
result.rows        # a DataFrame, one row per trial
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.rows.load import load
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from trainables.rows.finished import finished_trials
from tuner.cluster.options import RayOptions
from tuner.cluster.session import check_ray, ray_session
from tuner.confirm import confirm as confirm_choice
from tuner.driver import Driver
from tuner.errors import Interrupted
from tuner.fresh_data import check_same
from tuner.fresh_trials import baseline_of
from tuner.frontier import replicate_frontier
from tuner.inputs import load_inputs
from tuner.plan import plan
from tuner.run.folder import check_new, read_sweep
from tuner.run.opening import RunRequest, open_run
from tuner.run.record import GRID, check_kind
from tuner.run.resume import check_settings, sensed_rows
from tuner.run.storage import fetch_run
from tuner.stages import stage
from tuner.start import check_cores, check_engines, check_resumed


@dataclass(frozen=True)
class SweepResult:
    path: Path
    rows: pd.DataFrame  # columns: trainables.rows.columns.COLUMNS
    complete: bool  # every trial of the sweep has a row, and its choice the fresh trials that were asked for


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
    confirm: bool = True,
    promote: bool = False,
    scratch: bool = False,
) -> SweepResult:
    """Run (or, with `resume`, finish) a sweep: the grid of the config's axes, or the `trials` given; then `confirm`
    what they choose (`tuner.confirm`, also for `promote`). Ctrl-C leaves a readable folder and an incomplete result,
    or raises Interrupted where there is no row yet.

    A resumed run must be asked for as it was started, and where it was started; `resume_anyway` marks the rows instead
    (docs/running.md). `retry_failed` measures failed trials again. `overwrite` moves an earlier run aside; `scratch`
    lets the next run with both delete this one. Raises UsageError for whatever is wrong with the request, before any
    trial starts, and where the disk is full.
    """
    output, options = Path(output_dir), ray_options or RayOptions()
    changed = _changed(output, config, options.storage_path, resume_anyway) if resume else []
    if resume:
        check_resumed(output, config, options, resume_anyway)
    else:
        check_new(output, overwrite)
    check_cores(config, options)
    check_engines(config, options)
    check_ray(options)
    trials = plan(config).trials if trials is None else list(trials)
    with stage("reading and tokenising the data"):
        inputs = load_inputs(config)
    if resume:
        check_same(output, inputs.fresh)
    request = RunRequest(output, config, options.storage_path, resume, overwrite, scratch=scratch)
    with open_run(request) as opened:
        with ray_session(options) as devices:
            folder, storage = opened.begin(devices)
            driver = Driver(config, folder, inputs, devices, storage, retry_failed)
            baseline = baseline_of(trials, list(inputs.models))
            whole = driver.prepare(baseline, changed, resume_anyway) and driver.measure(trials)
            if whole and config.frontier_replicates > 1:
                whole = replicate_frontier(config, folder.path, trials, driver.measure)
            if whole and confirm:
                whole = confirm_choice(driver, promote=promote)
        return _result(opened.folder.path, whole)


def _changed(output: Path, config: SweepConfig, storage_path: str | None, anyway: bool) -> list[str]:
    """What changed since a grid was started, in words; its folder is fetched where it is in the storage alone.
    UsageError where it cannot be gone on with so."""
    fetch_run(output, storage_path)
    before = read_sweep(output)
    check_kind(output, GRID)
    return check_settings(before, config, anyway, sensed_rows(output))


def _result(run: Path, whole: bool) -> SweepResult:
    if not finished_trials(run):
        raise Interrupted(f"stopped before the first trial was measured; go on with --resume {run}")
    return SweepResult(run, load(run), whole)
