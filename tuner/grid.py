"""Measure a grid of configurations: python -m tuner.grid [--preset NAME] [options].

Every axis and setting of the sweep can be given; what is not given comes from the preset. The run folder holds
everything that was measured, and `python -m analysis.report RUN` reads it again at any time.
"""

import sys
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from search_spaces.command_line import check_known
from search_spaces.errors import check
from search_spaces.presets import PRESETS, preset
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from tuner.cli import DEFAULT_PRESET, FAILED, INTERRUPTED, check_confirm_data, check_promote, option_value, run_command
from tuner.cluster.options import RayOptions, address_to_join
from tuner.fresh_trials import planned_confirmation
from tuner.run.faults import full_disk_explained
from tuner.run.folder import SWEEP_FILE, check_new, read_sweep
from tuner.run.record import GRID, check_kind, check_record, is_stored
from tuner.run.resume import check_settings, done_trials, read_environment, sensed_rows
from tuner.stages import stage


@dataclass(frozen=True)
class RunArguments:
    """Where the run is kept and how it is started."""

    output_dir: Path | None = None
    """Folder of the run. Default: runs/<preset>."""
    resume: Path | None = None
    """Finish an earlier run: its folder. The sweep is as it was started."""
    go_on: bool = False
    """Finish the run that is in the output folder, or in its storage; start it where there is none. For jobs that a
    scheduler starts again with the same command."""
    resume_anyway: bool = False
    """With --resume or --go-on: go on although other settings are given, or card, processor, cores, versions or data
    are others; rows measured from then on carry the flag resumed_anyway."""
    retry_failed: bool = False
    """With --resume or --go-on: measure trials again whose row says failed or oom."""
    overwrite: bool = False
    """Start anew where a run is in the output folder: that is moved aside, to RUN.replaced-TIME."""
    confirm: bool = True
    """At the end, measure baseline and choice afresh, three trials each: only these give the saving an interval."""
    promote: bool = False
    """With --resume: take the runner-up that came out cheaper in the fresh trials, and measure another set of it."""
    scratch: bool = False
    """Mark the run as one that need not be kept: the next run with --overwrite --scratch deletes it (`make demo`)."""
    dry_run: bool = False
    """Read data, tokenizer and model; print the trials it would run, which of them this machine cannot, about how long,
    and what it would move aside; run nothing."""


@dataclass(frozen=True)
class GridArguments:
    """The command line: a sweep and how to run it."""

    sweep: tyro.conf.OmitArgPrefixes[SweepConfig] = field(default_factory=lambda: PRESETS[DEFAULT_PRESET])
    run: tyro.conf.OmitArgPrefixes[RunArguments] = field(default_factory=RunArguments)
    ray: tyro.conf.OmitArgPrefixes[RayOptions] = field(default_factory=RayOptions)
    preset: Annotated[str, tyro.conf.arg(help=f"Settings to start from: {', '.join(PRESETS)}.")] = DEFAULT_PRESET


def parse(arguments: list[str]) -> GridArguments:
    """Arguments over the defaults of the preset they name, or over the sweep of the run they resume. Exits with
    code 2 (tyro's) for malformed ones."""
    named, resumed = option_value(arguments, "--preset"), option_value(arguments, "--resume")
    name = named or DEFAULT_PRESET
    defaults = GridArguments(sweep=preset(name), preset=name)
    if resumed is not None and named is None and not {"-h", "--help"} & set(arguments):
        run = _fetched(Path(resumed), option_value(arguments, "--storage-path"))
        defaults = GridArguments(sweep=read_sweep(run), preset=name)
    parsed, unknown = tyro.cli(
        GridArguments,
        args=arguments,
        default=defaults,
        prog="python -m tuner.grid",
        description=__doc__,
        config=(tyro.conf.OmitArgPrefixes,),
        return_unknown_args=True,
    )
    check_known(unknown, GridArguments, "python -m tuner.grid")
    return parsed


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parsed = parse(arguments)
    options = parsed.run
    output = options.resume or options.output_dir or Path("runs") / parsed.preset
    if options.go_on:
        options = _resumed_if_there(options, output, parsed.ray.storage_path)
    for name in ("resume_anyway", "retry_failed"):
        check(
            options.resume is not None or parsed.run.go_on or not getattr(options, name),
            f"--{name.replace('_', '-')} goes with --resume",
            "none",
            "give the folder of an earlier run as --resume RUN",
        )
    check_promote(options.promote, options.confirm, options.resume is not None)
    check_confirm_data(parsed.sweep.confirm_data, options.confirm, options.resume is not None)
    asked_on = options.resume is not None or parsed.run.go_on
    check(
        not (asked_on and options.overwrite), "--overwrite starts a new run", "--resume or --go-on", "give one of them"
    )
    if options.resume is not None:  # before the model is looked for: another run's may not be here
        _check_resumed(options, parsed)
    elif not options.dry_run:
        check_new(output, options.overwrite)  # before seconds of imports
    # Transformers and its torch, but no Ray: mistakes and dry runs do not wait for that
    with nullcontext() if options.dry_run else stage("loading PyTorch and Transformers"):
        from tuner.plan import plan
        from tuner.start import check_cores, check_engines, check_resumed

    check_cores(parsed.sweep, parsed.ray)
    if not options.dry_run:  # which says it of each trial
        check_engines(parsed.sweep, parsed.ray)
    if options.resume is not None:
        check_resumed(options.resume, parsed.sweep, parsed.ray, options.resume_anyway)
    planned = plan(parsed.sweep)
    if not options.dry_run:
        return _run(parsed.sweep, planned.trials, output, options, parsed.ray)
    left = planned.trials
    if options.overwrite:
        _print_moves(parsed, output)
    if options.resume is not None:
        done = done_trials(options.resume, options.retry_failed)
        left = [trial for trial in left if trial.trial_id not in done]
    fresh: tuple[list[str], int] = ([], 0)
    if options.confirm:
        fresh = planned_confirmation(parsed.sweep, planned.trials, options.resume)
    for words in planned.left_out:
        print(words)
    _print_plan(parsed.sweep, left, fresh, planned.seconds_per_trial, address_to_join(parsed.ray) is None)
    return 0


def _resumed_if_there(options: RunArguments, output: Path, storage: str | None) -> RunArguments:
    there = (_fetched(output, storage) / SWEEP_FILE).is_file()
    return replace(options, resume=output) if there else options


def _fetched(run: Path, storage: str | None) -> Path:
    """The folder of a run; from its storage where one is named and the folder is not here."""
    from tuner.run.storage import fetch_run  # pyarrow: not for --help

    fetch_run(run, storage)
    return run


def _check_resumed(options: RunArguments, parsed: GridArguments) -> None:
    """UsageError where the run cannot be gone on with as it is asked for, as far as its folder says."""
    run = _fetched(options.resume or Path(), parsed.ray.storage_path)
    before = read_sweep(run)
    check_kind(run, GRID)
    check_settings(before, parsed.sweep, options.resume_anyway, sensed_rows(run))
    if not is_stored(run, parsed.ray.storage_path):  # what is lost here may be there
        check_record(run)
        read_environment(run)


def _print_moves(parsed: GridArguments, output: Path) -> None:
    from tuner.run.opening import RunRequest, would_move  # Ray, pyarrow: not for --help

    request = RunRequest(output, parsed.sweep, parsed.ray.storage_path, overwrite=True, scratch=parsed.run.scratch)
    for words in would_move(request):
        print(words)


def _run(config: SweepConfig, trials: list[TrialConfig], output: Path, options: RunArguments, ray: RayOptions) -> int:
    with stage("loading Ray"):
        from tuner import sweep

    result = sweep.run(
        config,
        output,
        trials=trials,
        resume=options.resume is not None,
        overwrite=options.overwrite,
        scratch=options.scratch,
        ray_options=ray,
        resume_anyway=options.resume_anyway,
        retry_failed=options.retry_failed,
        confirm=options.confirm,
        promote=options.promote,
    )
    with stage("loading the report"):  # pandas, matplotlib: the first trial does not wait for them
        from analysis.report.build import build_report
        from analysis.report.summary import print_summary
    with full_disk_explained(output):
        print_summary(build_report([result.path]))
    if not result.complete:
        print(f"The run is not complete; finish it with: python -m tuner.grid --resume {output}", file=sys.stderr)
        return INTERRUPTED
    return FAILED if (result.rows["status"] == "failed").any() else 0


def _print_plan(
    config: SweepConfig, trials: list[TrialConfig], fresh: tuple[list[str], int], seconds_per_trial: float, here: bool
) -> None:
    """`fresh`: of `planned_confirmation`. `here`: trials are to run on this machine, so that it can be said which
    cannot."""
    from tuner.inputs import load_inputs  # torch, Transformers: not for --help
    from tuner.plan import cannot_run_here

    inputs = load_inputs(config)
    cannot = cannot_run_here(trials) if here else {}
    for trial in trials:
        why = cannot.get(trial.trial_id)
        print(f"{trial.trial_id}  cannot run here: {why}" if why else trial.trial_id)
    lines, most = fresh
    for line in lines:
        print(f"confirm {line}")
    if most and inputs.fresh is not None:
        print(f"confirm accuracy: on {inputs.fresh.words()}")
    for warning in inputs.warnings:
        print(f"warning: {warning}")
    made = len(config.models) * len(config.seeds)
    tuning = f", after {made} fine-tuning{'s'[: made - 1]}" if config.tuned else ""
    if config.tuned and len(config.models) > 1:
        tuning += f" (--learning-rate {config.finetuning.learning_rate:g} and the like for all models)"
    minutes = (len(trials) + most) * seconds_per_trial / 60
    to_confirm = f" and at most {most} to confirm the choice" if most else ""
    about = f"about {minutes:.0f} minutes of measuring on one device{tuning}"
    failing = f"{len(cannot)} of them cannot run on this machine and would fail; " if cannot else ""
    print(f"{len(trials)} trials{to_confirm}, {about}; {failing}nothing was run")


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
