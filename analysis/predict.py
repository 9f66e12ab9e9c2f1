"""Predict the energy of a configuration that was not measured: `python -m analysis.predict RUN --max-seq-len
56 ...`.

The interval is a 95 % prediction interval of the fitted line (`analysis.fit_energy`). Outside the measured
lengths and depths the answer is refused unless --extrapolate is given.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from analysis.cli import Reading, column_mapping, run
from analysis.errors import CannotAnswer
from search_spaces.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from analysis.findings.energy_model.model import EnergyModel, Fit


@dataclass(frozen=True)
class Prediction:
    """J per example with a 95 % prediction interval, and how it was made. `low` and `high` are None without
    one."""

    max_seq_len: int
    depth: int
    precision: str
    tokens_per_example: float
    energy_j_per_example: float
    low: float | None
    high: float | None
    formula: str
    extrapolated: list[str] = field(default_factory=list)
    measured_j_per_example: float | None = None  # where this very configuration was measured
    estimated: bool = False

    def sentence(self) -> str:
        kind = "estimated energy" if self.estimated else "energy"
        limits = "no interval" if self.low is None else f"95 % {self.low:.3g} to {self.high:.3g}"
        text = (
            f"{self.precision}, {self.max_seq_len} tokens ({self.tokens_per_example:.4g} processed), depth "
            f"{self.depth}: "
            f"{kind} {self.energy_j_per_example:.3g} J/example ({limits}), from {self.formula}."
        )
        if self.measured_j_per_example is not None:
            text += f" Measured: {self.measured_j_per_example:.3g} J/example."
        if self.extrapolated:
            text += f" Extrapolated beyond {', '.join(self.extrapolated)}."
        return text


def predict(model: EnergyModel, max_seq_len: int, depth: int, precision: str, extrapolate: bool = False) -> Prediction:
    """Energy of one configuration from the fit of its precision. UsageError outside the measured range,
    unless `extrapolate`; CannotAnswer where there is no fit that knows this depth."""
    fit = _choose(model, depth, precision)
    beyond = _beyond(model, fit, max_seq_len, depth)
    if beyond and not extrapolate:
        raise UsageError(
            f"a prediction must lie within what was measured, but {max_seq_len} tokens at depth {depth} is "
            f"beyond "
            f"{' and '.join(beyond)}; add --extrapolate to answer all the same"
        )
    import numpy as np

    from analysis.findings.energy_model.terms import design

    tokens = _at_limit(model.tokens_by_max_seq_len, max_seq_len)
    inputs = _at_limit(model.inputs_by_max_seq_len, max_seq_len, proportional=False)
    layers = float(depth) if fit.kind == "depth_length" else 1.0
    x = design(fit.terms, *(np.array([v]) for v in (inputs, layers, tokens)))[0]
    value = float(sum(a * c.value for a, c in zip(x, fit.coefficients, strict=True)))
    low = high = None
    if all(v is not None for row in fit.covariance for v in row):
        from scipy.special import stdtrit

        of_line = float(x @ np.array(fit.covariance, dtype=float) @ x)
        error = math.sqrt(max(of_line, 0.0) + (fit.relative_sd * value) ** 2)
        half = float(stdtrit(fit.freedom, 0.975)) * error
        low, high = max(value - half, 0.0), value + half
    if value <= 0:
        raise CannotAnswer(
            f"{fit.formula} gives {value:.3g} J/example at {max_seq_len} tokens and depth {depth}: the line "
            f"does not "
            f"reach that far."
        )
    measured = next(
        (
            m["energy_j_per_example"]
            for m in model.measured
            if (m["max_seq_len"], m["depth"], m["precision"]) == (max_seq_len, depth, precision)
        ),
        None,
    )
    return Prediction(
        max_seq_len, depth, precision, tokens, value, low, high, fit.formula, beyond, measured, model.estimated
    )


def _choose(model: EnergyModel, depth: int, precision: str) -> Fit:
    known = sorted({f.precision for f in (*model.depth_fits, *model.length_fits)})
    if precision not in known:
        raise UsageError(
            f"precision must be one with a fit ({', '.join(known) or 'none'}), but got {precision!r}; measure it"
        )
    fit = model.fit_for(precision, "depth_length")
    if fit is not None:
        return fit
    fit = model.fit_for(precision, "length")
    assert fit is not None  # noqa: S101 (for the type checker)
    if depth != fit.depth_range[0]:
        raise CannotAnswer(
            f"Depth {depth} at {precision} cannot be predicted: only depth {fit.depth_range[0]} was measured."
        )
    return fit


def _beyond(model: EnergyModel, fit: Fit, max_seq_len: int, depth: int) -> list[str]:
    lengths = [r["max_seq_len"] for r in fit.residuals]
    out = []
    if not min(lengths) <= max_seq_len <= max(lengths):
        out.append(f"the measured lengths {min(lengths)} to {max(lengths)} tokens")
    if not fit.depth_range[0] <= depth <= fit.depth_range[1]:
        out.append(f"the measured depths {fit.depth_range[0]} to {fit.depth_range[1]}")
    return out


def _at_limit(known: Sequence[tuple[int, float]], max_seq_len: int, proportional: bool = True) -> float:
    """Tokens processed, or inputs, at a limit: straight lines between the measured limits, the outer ones
    carried on. A single limit says more only of what is `proportional` to it."""
    if len(known) == 1:
        limit, value = known[0]
        return value * max_seq_len / limit if proportional else value
    right = next((i for i, (limit, _) in enumerate(known) if limit >= max_seq_len and i > 0), len(known) - 1)
    (x0, y0), (x1, y1) = known[right - 1], known[right]
    return y0 + (y1 - y0) * (max_seq_len - x0) / (x1 - x0)


# ---- command line ----


@dataclass(frozen=True)
class Arguments(Reading):
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
    from analysis.findings.energy_model.model import fit_energy
    from analysis.rows.cards import load_levelled

    rows = _select(load_levelled(*arguments.run, columns=column_mapping(arguments.columns)), arguments)
    model = fit_energy(rows)
    depth = arguments.depth or max(m["depth"] for m in model.measured)
    answer = predict(model, arguments.max_seq_len, depth, arguments.precision, arguments.extrapolate)
    print(json.dumps(asdict(answer), indent=1, allow_nan=False) if arguments.json else answer.sentence())
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
