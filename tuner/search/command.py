"""Search for the accuracy-energy frontier with Optuna: python -m tuner.search [--preset NAME] [options].

The axes are the grid's, and so is the run folder; besides it holds the study (study.db) and the optimisation history
(history.csv). The search ends when it finds nothing cheaper that is not worse than the baseline, or by --trials or
--time-budget.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from analysis.errors import CannotAnswer
from search_spaces.command_line import check_known
from search_spaces.errors import UsageError, check
from search_spaces.presets import PRESETS, preset
from search_spaces.search_config import SearchConfig
from search_spaces.sweep_config import SweepConfig
from tuner.cli import DEFAULT_PRESET, FAILED, INTERRUPTED, check_confirm_data, check_promote, option_value
from tuner.cluster.options import RayOptions
from tuner.run.folder import check_new


@dataclass(frozen=True)
class SearchRunArguments:
    """Where the run is kept and how it is started."""

    output_dir: Path | None = None
    """Folder of the run. Default: runs/search-<preset>."""
    resume: Path | None = None
    """Go on with an earlier search: its folder. Sampler and stopping rules may be given anew, the rest is kept."""
    from_run: tuple[Path, ...] = ()
    """Finished runs of the same task, model and card whose measurements the search starts with."""
    overwrite: bool = False
    """Start anew where a run is in the output folder: that is moved aside, to RUN.replaced-TIME."""
    confirm: bool = True
    """At the end, measure baseline and choice afresh, three trials each: only these give the saving an interval."""
    promote: bool = False
    """With --resume: take the runner-up that came out cheaper in the fresh trials, and measure another set of it."""


@dataclass(frozen=True)
class Arguments:
    """The command line: a space, how it is searched, and how that is run."""

    sweep: tyro.conf.OmitArgPrefixes[SweepConfig] = field(default_factory=lambda: PRESETS[DEFAULT_PRESET])
    search: tyro.conf.OmitArgPrefixes[SearchConfig] = field(default_factory=SearchConfig)
    run: tyro.conf.OmitArgPrefixes[SearchRunArguments] = field(default_factory=SearchRunArguments)
    ray: tyro.conf.OmitArgPrefixes[RayOptions] = field(default_factory=RayOptions)
    preset: Annotated[str, tyro.conf.arg(help=f"Settings to start from: {', '.join(PRESETS)}.")] = DEFAULT_PRESET


def parse(arguments: list[str]) -> Arguments:
    """Arguments over the defaults of the preset they name, or over what the resumed search was started with.
    Exits with code 2 (tyro's) for malformed ones."""
    name = option_value(arguments, "--preset") or DEFAULT_PRESET
    sweep, search = preset(name), SearchConfig()
    resumed = option_value(arguments, "--resume")
    if resumed is not None and not {"-h", "--help"} & set(arguments):
        from tuner.run.storage import fetch_run
        from tuner.search.run import read_search  # Ray, torch, Optuna: not for --help

        fetch_run(Path(resumed), option_value(arguments, "--storage-path"))
        sweep, search = read_search(Path(resumed))
    parsed, unknown = tyro.cli(
        Arguments,
        args=arguments,
        default=Arguments(sweep=sweep, search=search, preset=name),
        prog="python -m tuner.search",
        description=__doc__,
        config=(tyro.conf.OmitArgPrefixes,),
        return_unknown_args=True,
    )
    check_known(unknown, Arguments, "python -m tuner.search")
    return parsed


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parsed = parse(arguments)
    options = parsed.run
    check_promote(options.promote, options.confirm, options.resume is not None)
    check_confirm_data(parsed.sweep.confirm_data, options.confirm, options.resume is not None)
    output = options.resume or options.output_dir or Path("runs") / f"search-{parsed.preset}"
    check(
        options.resume is None or not options.overwrite, "--overwrite starts a new run", "--resume", "give one of them"
    )
    if options.resume is None:
        check_new(output, options.overwrite)  # before seconds of imports
    from tuner.search import run as search_run  # Ray, torch, Optuna: not for --help

    result = search_run.run(
        parsed.sweep,
        parsed.search,
        output,
        resume=options.resume is not None,
        overwrite=options.overwrite,
        from_runs=options.from_run,
        ray_options=parsed.ray,
        confirm=options.confirm,
        promote=options.promote,
    )
    _report(result.path, options.from_run)
    print(f"The search ended: {result.stopped or 'interrupted'}. Study: {result.path / 'study.db'}")
    if not result.complete:
        print(f"Go on with: python -m tuner.search --resume {output}", file=sys.stderr)
        return INTERRUPTED
    return FAILED if (result.rows["status"] == "failed").any() else 0


def _report(run: Path, from_runs: tuple[Path, ...]) -> None:
    """The same report as a grid's, in the run folder; over what the search was started with too, beside it."""
    from analysis.report.build import build_report  # pandas, matplotlib: not for --help
    from analysis.report.summary import print_summary

    try:
        report = build_report([run])
        print_summary(build_report([run, *from_runs]) if from_runs else report)
    except (CannotAnswer, UsageError) as error:  # the search itself is done, and its folder is complete
        print(f"no report: {error}", file=sys.stderr)
