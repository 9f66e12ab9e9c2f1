"""A run's winner as a folder of its own: `python -m serving.export RUN --output-dir DIR`.

Takes what the report recommends (recommendation.json), or the trial that --trial names. The folder holds the weights,
cut, cast and quantised as they were measured, tokenizer, config, jouletune.json and a model card; `serving.predict` and
`serving.predictor.Predictor` run it, and Transformers loads it unless it is quantised.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from search_spaces.command_line import check_known
from search_spaces.errors import check
from serving.command import run_command


@dataclass(frozen=True)
class Arguments:
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a grid or a search."""
    output_dir: Path
    """Where to write; must not exist."""
    trial: str | None = None
    """A trial_id of results.csv. Default: what the report recommends."""
    data_dir: Path | None = None
    """The evaluation data, where they are no longer where the sweep had them."""
    co2_g_per_kwh: float | None = None
    """Grams of CO2eq per kWh of the electricity that the fine-tuning used: for the card's co2_eq_emissions. Default:
    none are stated."""


def main(arguments: list[str] | None = None) -> int:
    prog = "python -m serving.export"
    a, unknown = tyro.cli(Arguments, prog=prog, description=__doc__, args=arguments, return_unknown_args=True)
    check_known(unknown, Arguments, prog)
    check(
        a.co2_g_per_kwh is None or a.co2_g_per_kwh > 0, "co2_g_per_kwh must be above 0", a.co2_g_per_kwh, "leave it out"
    )
    # torch and Transformers: not for --help
    from serving.make_export import check_new, export
    from serving.run_folder import find

    check_new(a.output_dir)
    source = find(a.run, a.trial)
    bundle = export(source, a.output_dir, a.data_dir, a.co2_g_per_kwh)
    print(f"exported {bundle.trial} to {a.output_dir}")
    found = source.recommended
    if found is not None and found.confirmed != "yes":
        print(f"warning: its saving is not confirmed: {found.confirmed_because}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_command(main)
