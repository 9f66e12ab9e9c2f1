"""Measure a grid of configurations: python -m tuner.grid [--preset NAME] [options].

Every axis and setting of the sweep can be given; what is not given comes from the preset. The run folder holds
everything that was measured, and `python -m analysis.report RUN` reads it again at any time.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from search_spaces.errors import UsageError
from search_spaces.presets import PRESETS, preset
from search_spaces.sweep_config import SweepConfig
from tuner.cli import FAILED, INTERRUPTED, run_command

DEFAULT_PRESET = "demo"


@dataclass(frozen=True)
class RunArguments:
    """Where the run is kept and how it is started."""

    output_dir: Path | None = None
    """Folder of the run. Default: runs/<preset>."""
    resume: Path | None = None
    """Finish an earlier run: its folder. The sweep is as it was started; no other setting is read."""
    overwrite: bool = False
    """Replace the run that is in the output folder."""
    dry_run: bool = False
    """Print the trials it would run, and about how long, and run nothing."""
    dashboard: bool = False
    """Start Ray's dashboard (bound to 127.0.0.1) and print its address and how to sign in."""
    address: str | None = None
    """Join this Ray cluster ("auto": the one running here). Default: start Ray on this machine."""


@dataclass(frozen=True)
class GridArguments:
    """The command line: a sweep and how to run it."""

    sweep: tyro.conf.OmitArgPrefixes[SweepConfig] = field(default_factory=lambda: PRESETS[DEFAULT_PRESET])
    run: tyro.conf.OmitArgPrefixes[RunArguments] = field(default_factory=RunArguments)
    preset: Annotated[str, tyro.conf.arg(help=f"Settings to start from: {', '.join(PRESETS)}.")] = (
        DEFAULT_PRESET
    )


def parse(arguments: list[str]) -> GridArguments:
    """Arguments over the defaults of the preset they name. Exits with code 2 (tyro's) for malformed ones."""
    name = _preset_name(arguments)
    defaults = GridArguments(sweep=preset(name), preset=name)
    return tyro.cli(
        GridArguments,
        args=arguments,
        default=defaults,
        prog="python -m tuner.grid",
        description=__doc__,
        config=(tyro.conf.OmitArgPrefixes,),
    )


def _preset_name(arguments: list[str]) -> str:
    for i, argument in enumerate(arguments):
        if argument == "--preset" and i + 1 < len(arguments):
            return arguments[i + 1]
        if argument.startswith("--preset="):
            return argument.split("=", 1)[1]
    return DEFAULT_PRESET


def main(arguments: list[str]) -> int:
    parsed = parse(arguments)
    options = parsed.run
    if options.resume is not None:
        return _run(*_resumed(options.resume), options)
    output = options.output_dir or Path("runs") / parsed.preset
    if options.dry_run:
        return _dry_run(parsed.sweep)
    return _run(parsed.sweep, output, options)


def _resumed(path: Path) -> tuple[SweepConfig, Path]:
    from tuner.run_folder import read_sweep

    return read_sweep(path), path


def _run(config: SweepConfig, output: Path, options: RunArguments) -> int:
    from tuner import sweep

    result = sweep.run(
        config,
        output,
        resume=options.resume is not None,
        overwrite=options.overwrite,
        ray_options=sweep.RayOptions(options.dashboard, options.address),
    )
    from analysis.report import print_summary, write_report

    write_report([result.path])
    print_summary(result.path)
    if not result.complete:
        print(
            f"The run is not complete: finish it with  python -m tuner.grid --resume {output}",
            file=sys.stderr,
        )
        return INTERRUPTED
    if (result.rows["status"] != "ok").all():
        raise UsageError(f"no trial could be measured; the first says: {result.rows['error'].iloc[0]}")
    return FAILED if (result.rows["status"] == "failed").any() else 0


def _dry_run(config: SweepConfig) -> int:
    from tuner.sweep import plan

    planned = plan(config)
    for trial in planned.trials:
        print(trial.trial_id)
    minutes = len(planned.trials) * planned.seconds_per_trial / 60
    seeds = len(config.seeds)
    tuning = (
        ""
        if config.checkpoint or config.random_weights
        else f", after fine-tuning {seeds} model{'s'[: seeds - 1]}"
    )
    print(f"{len(planned.trials)} trials, about {minutes:.0f} minutes on one device{tuning}; nothing was run")
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
