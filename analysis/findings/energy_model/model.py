"""Linear models of the energy of one example, precision by precision, and a factor between precisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.configurations import comparable_columns, configurations, valid
from analysis.findings.energy_model.fit import Fit, depth_fit, length_fit
from analysis.findings.energy_model.precision_factor import PrecisionFactor, precision_factors
from analysis.findings.energy_model.rising import Rise, rises
from analysis.findings.energy_model.terms import inputs_of
from analysis.findings.energy_model.uncut import Uncut, uncut
from analysis.rows.short_windows import kept_short
from analysis.statistics.equivalence import EQUIVALENCE
from search_spaces.axes import AXES
from search_spaces.objectives import TOLERANCE
from search_spaces.precisions import PRECISIONS

_PLURALS = {name: axis.plural for name, axis in AXES.items()} | {
    "task": "tasks",
    "model": "models",
    "gpu_name": "cards",
    "gpu_uuid": "cards",
    "energy_source": "energy sources",
    "sweep": "sweeps",
}
_MEASURED = ["max_seq_len", "depth", "precision", "energy_j_per_example", "energy_j_per_example_ci95", "interval_kind"]


@dataclass(frozen=True)
class EnergyModel:
    """All fits of comparable rows. `measured` has a row per configuration: max_seq_len, depth, precision,
    energy_j_per_example (with _ci95), interval_kind."""

    common: dict[str, Any]  # what the rows share
    estimated: bool
    length_fits: tuple[Fit, ...]  # at full depth, one per precision
    depth_fits: tuple[Fit, ...]
    precision_factors: tuple[PrecisionFactor, ...]
    tokens_by_max_seq_len: tuple[tuple[int, float], ...]  # (limit, mean processed tokens per example), ascending
    inputs_by_max_seq_len: tuple[tuple[int, float], ...]
    measured: pd.DataFrame
    rises: tuple[Rise, ...]  # where energy rises as work falls
    uncut: Uncut | None  # depth moves nothing
    short_windows: int  # trials whose windows are too short, kept on request
    not_made: tuple[str, ...]  # why a part could not be made, in the words of its CannotAnswer

    @property
    def fits(self) -> tuple[Fit, ...]:
        return (*self.depth_fits, *self.length_fits)

    def fit_for(self, precision: str, kind: str | None = None) -> Fit | None:
        """The fit of a precision: by depth and length where there is one, else by length."""
        fits = (f for f in self.fits if f.precision == precision)
        return next((f for f in fits if kind in (None, f.kind)), None)


def fit_energy(
    rows: pd.DataFrame,
    *,
    baseline: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
    equivalence: float = EQUIVALENCE,
    ordinary: bool = False,
) -> EnergyModel:
    """Fit the valid trials among `rows` (J per example against processed tokens per example).

    Per precision: E = a + b * tokens at full depth; E = a + b * depth * tokens (+ c * depth * tokens^2
    where leave-one-out wants it). One point per configuration, the mean of its trials; leaving one out leaves a
    whole configuration out. Then the factor between precisions, an equivalence test with limit `equivalence`
    inside the stable regime, where accuracy is not worse than the baseline's by more than `tolerance`.
    `ordinary`: least squares with errors of one size instead of errors in proportion to energy.

    Raises CannotAnswer when rows differ in what one fit must share (task, model, batch size, padding,
    backend, card, energy source, sweep), or when nothing at all can be fitted.
    """
    clean, excluded = valid(rows)
    if clean.empty:
        why = "; ".join(excluded["reason"].value_counts().head(3).index) or "there are no rows"
        raise CannotAnswer(f"No energy model: no trial has a valid energy ({why}).")
    common = _one_of_each(clean)
    table = configurations(_with_tokens(clean))
    length_fits: list[Fit] = []
    depth_fits: list[Fit] = []
    factors: tuple[PrecisionFactor, ...] = ()
    not_made: list[str] = []
    for precision in sorted(table["precision"].unique(), key=PRECISIONS.rank):
        part = table[table["precision"] == precision]
        deepest = part[part["depth"] == part["depth"].max()]
        for make, points, fits in ((length_fit, deepest, length_fits), (depth_fit, part, depth_fits)):
            try:
                fits.append(make(points, precision, ordinary))
            except CannotAnswer as reason:
                not_made.append(str(reason))
    try:
        factors = precision_factors(clean, table, baseline, tolerance, equivalence)
    except CannotAnswer as reason:
        not_made.append(str(reason))
    if not (length_fits or depth_fits or factors):
        raise CannotAnswer(" ".join(not_made))
    return EnergyModel(
        common=common,
        estimated=bool(table["estimated"].any()),
        length_fits=tuple(length_fits),
        depth_fits=tuple(depth_fits),
        precision_factors=factors,
        tokens_by_max_seq_len=_by_limit(table, table["tokens_per_example"]),
        inputs_by_max_seq_len=_by_limit(table, pd.Series(inputs_of(table), table.index)),
        measured=table[_MEASURED].copy(),
        rises=rises(table),
        uncut=uncut(table),
        short_windows=kept_short(clean),
        not_made=tuple(not_made),
    )


def _by_limit(table: pd.DataFrame, values: pd.Series) -> tuple[tuple[int, float], ...]:
    """(max_seq_len, mean) in the order of the limits."""
    means = values.groupby(table["max_seq_len"]).mean().sort_index()
    return tuple((int(limit), float(mean)) for limit, mean in zip(means.index, means, strict=True))


def _one_of_each(clean: pd.DataFrame) -> dict[str, Any]:
    """The values that all rows share, of the columns in which rows of one fit must agree."""
    common = {}
    for column in comparable_columns(clean):
        values = list(clean[column].unique())
        if len(values) > 1:
            listed = ", ".join("unknown" if pd.isna(v) else str(v) for v in values[:4])
            raise CannotAnswer(
                f"No energy model over several {_PLURALS[column]} ({listed}): one fit takes one; choose rows, "
                f"for instance with analysis.comparable_groups(rows)."
            )
        common[column] = None if pd.isna(values[0]) else values[0]
    return common


def _with_tokens(clean: pd.DataFrame) -> pd.DataFrame:
    """Processed tokens where a foreign table lacks them: inputs padded to the limit process the limit."""
    unknown = clean["tokens_per_example"].isna()
    if not unknown.any():
        return clean
    padded = clean["padding"].isna() | (clean["padding"] == "max_length")
    if (unknown & ~padded).any():
        raise CannotAnswer(
            "No energy model: tokens_per_example is null and the inputs are not padded to max_seq_len, so the tokens "
            "processed are unknown; give the column."
        )
    return clean.assign(tokens_per_example=clean["tokens_per_example"].fillna(clean["max_seq_len"].astype(float)))
