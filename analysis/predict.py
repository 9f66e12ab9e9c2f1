"""Predict the energy of a configuration that was not measured: `python -m analysis.predict RUN --max-seq-len 56 ...`.

The interval is a 95 % prediction interval of the fitted line (`analysis.fit_energy`). Outside the measured
lengths and depths the answer is refused unless --extrapolate is given.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from analysis.cli import Fitting, column_mapping, run
from search_spaces.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Arguments(Fitting):
    run: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Run folders, CSV or Parquet files."""
    max_seq_len: Annotated[int, tyro.conf.arg(metavar="TOKENS")]
    """Length that inputs are truncated to."""
    precision: str
    """One that was measured, as fp32 or fp16."""
    depth: Annotated[int | None, tyro.conf.arg(metavar="LAYERS")] = None
    """Encoder layers kept; none: the deepest measured."""
    task: str | None = None
    """Where the rows hold several."""
    model: str | None = None
    """Where the rows hold several."""
    batch_size: int | None = None
    """Where the rows hold several."""
    padding: str | None = None
    """Where the rows hold several."""
    backend: str | None = None
    """Where the rows hold several."""
    sweep: str | None = None
    """Where the rows hold several."""
    columns: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS ...")] = ()
    """Names of the columns where they differ from the documented ones."""
    extrapolate: bool = False
    """Answer beyond the measured lengths and depths too."""
    json: bool = False
    """Print an object instead of a sentence."""


def _main(arguments: Arguments) -> int:
    from analysis.findings.energy_model.model import fit_energy  # here, so that --help needs no pandas
    from analysis.findings.energy_model.prediction import predict
    from analysis.rows.cards import load_levelled
    from analysis.rows.short_windows import with_short_windows
    from analysis.words.prediction import as_dict, sentence

    rows = load_levelled(*arguments.run, columns=column_mapping(arguments.columns))
    if arguments.keep_short_windows:
        rows = with_short_windows(rows)
    model = fit_energy(_select(rows, arguments), ordinary=arguments.least_squares == "ordinary")
    depth = arguments.depth or int(model.measured["depth"].max())
    answer = predict(model, arguments.max_seq_len, depth, arguments.precision, arguments.extrapolate)
    print(json.dumps(as_dict(answer), indent=1, allow_nan=False) if arguments.json else sentence(answer))
    return 0


def _select(rows: pd.DataFrame, arguments: Arguments) -> pd.DataFrame:
    """The rows that the options name; what is still mixed is named with the option that decides it."""
    from analysis.findings.configurations import comparable_groups, valid

    for column in ("task", "model", "batch_size", "padding", "backend", "sweep"):
        value: Any = getattr(arguments, column)
        if value is None:
            continue
        if column not in rows or not (rows[column] == value).any():
            known = ", ".join(map(str, rows[column].dropna().unique())) if column in rows else "none"
            raise UsageError(
                f"--{column.replace('_', '-')} must be in the rows ({known}), but got {value!r}; choose one"
            )
        rows = rows[rows[column] == value]
    groups = comparable_groups(valid(rows)[0])
    if len(groups) > 1:
        differing = [k for k in groups[0][0] if len({g[0][k] for g in groups}) > 1]
        if "model" in differing and "recipe_digest" in differing:  # each has its own: naming one is enough
            pairs = {(common["model"], common["recipe_digest"]) for common, _ in groups}
            differing = [k for k in differing if k != "recipe_digest" or len(pairs) > len({m for m, _ in pairs})]
        options = [
            f"--{k.replace('_', '-')} {{{','.join(sorted({str(g[0][k]) for g in groups}))}}}"
            if hasattr(arguments, k)
            else f"the rows of one {k}"
            for k in differing
        ]
        raise UsageError(
            f"a prediction must rest on comparable rows, but these differ in {', '.join(differing)}; "
            f"choose with {' '.join(options)}"
        )
    return rows


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.predict", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
