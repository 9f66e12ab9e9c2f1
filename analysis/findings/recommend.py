"""The cheapest configuration that is not worse than the baseline: tested, with its saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.findings.configurations import configuration_columns
from analysis.findings.noninferiority import judge
from analysis.findings.plain import plain
from analysis.findings.slices import same_as, score_column
from analysis.findings.verdict import NOT_WORSE
from analysis.statistics.intervals import Ratio, ratio
from analysis.statistics.paired import smallest_tolerance
from search_spaces.axes import AXES
from search_spaces.objectives import TOLERANCE


@dataclass(frozen=True)
class Recommendation:
    """What to run, and how far it is known. Rows are rows of `table`, which is `Judgement.table`."""

    baseline: pd.Series
    choice: pd.Series | None  # None where nothing cheaper is known not to be worse
    tolerance: float
    table: pd.DataFrame
    saving: Ratio | None  # baseline's energy over the choice's
    cautious: pd.Series | None  # the cheapest that passes corrected for having tested many; may be the choice
    examples: int | None
    smallest_tolerance: float | None  # that so many examples can show
    tested: int  # configurations beside the baseline
    paired: bool
    estimated: bool
    runners_up: pd.DataFrame  # axis, and the cheapest "not worse" row with another value on that axis
    single_axis: pd.DataFrame  # axis, and the cheapest "not worse" row that changes only that axis of the baseline
    cheapest: pd.Series  # of all, whatever its accuracy
    better: pd.Series | None  # the most accurate that surely beats the baseline by more than the tolerance
    folders: dict[str, Path]  # run folders by the names that `run` holds, as far as they are known

    @property
    def scored(self) -> bool:
        """Some configuration's accuracy is known: it is not where the weights are random."""
        return score_column(self.table) is not None

    @property
    def reference(self) -> pd.Series:
        """What is to be run: the choice, or the baseline where there is none."""
        return self.baseline if self.choice is None else self.choice

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where unknown."""
        return {
            "baseline": _summary(self.baseline),
            "choice": None if self.choice is None else _summary(self.choice),
            "cautious": None if self.cautious is None else _summary(self.cautious),
            "tolerance": self.tolerance,
            "smallest_tolerance": self.smallest_tolerance,
            "examples": self.examples,
            "tested": self.tested,
            "paired": self.paired,
            "estimated": self.estimated,
            "saving": None if self.saving is None else {k: plain(v) for k, v in asdict(self.saving).items()},
        }


def recommend(
    rows: pd.DataFrame, baseline: Mapping[str, Any] | None = None, tolerance: float = TOLERANCE
) -> Recommendation:
    """The cheapest configuration not worse than `baseline` by more than `tolerance` (a fraction of 1).

    `rows` are trials of `analysis.rows.load`, of one task, card and sensor; invalid ones are left out here. `baseline`
    fixes columns ({"precision": "fp32", "max_seq_len": 128}); see `find_baseline` for the rest.

    Raises CannotAnswer and UsageError as `judge` does.
    """
    judged = judge(rows, baseline, tolerance)
    table, base = judged.table, judged.baseline
    by_energy = table.sort_values("energy_j_per_example", kind="stable")
    cheaper = by_energy[
        (by_energy["verdict"] == NOT_WORSE) & (by_energy["energy_j_per_example"] < base["energy_j_per_example"])
    ]
    choice = _first(cheaper)
    reference = base if choice is None else choice
    return Recommendation(
        baseline=base,
        choice=choice,
        tolerance=tolerance,
        table=table,
        saving=None if choice is None else ratio(base, choice),
        cautious=_first(cheaper[cheaper["verdict_among_many"] == NOT_WORSE]),
        examples=judged.examples,
        smallest_tolerance=smallest_tolerance(judged.examples) if judged.examples else None,
        tested=len(table) - 1,
        paired=judged.paired,
        estimated=bool(table["estimated"].any()),
        runners_up=_runners_up(cheaper, reference),
        single_axis=_single_axis(cheaper, base),
        cheapest=by_energy.iloc[0],
        better=_better(table, tolerance),
        folders={name: Path(folder) for name, folder in rows.attrs.get("folders", {}).items()},
    )


def _first(table: pd.DataFrame) -> pd.Series | None:
    return table.iloc[0] if len(table) else None


def _better(table: pd.DataFrame, tolerance: float) -> pd.Series | None:
    surely = table[table["accuracy_difference_low"] > tolerance]
    return None if surely.empty else surely.iloc[int(surely["accuracy_difference"].argmax())]


def _runners_up(cheaper: pd.DataFrame, choice: pd.Series) -> pd.DataFrame:
    others = {axis: cheaper[cheaper[axis].notna() & (cheaper[axis] != choice[axis])] for axis in AXES}
    return _first_of_each(others, cheaper)


def _single_axis(cheaper: pd.DataFrame, base: pd.Series) -> pd.DataFrame:
    alike = {axis: same_as(cheaper, base, [a for a in AXES if a != axis]) for axis in AXES}
    return _first_of_each(alike, cheaper)


def _first_of_each(found: Mapping[str, pd.DataFrame], like: pd.DataFrame) -> pd.DataFrame:
    """axis, and the first row of its table, where it has one."""
    rows = [{"axis": axis, **part.iloc[0]} for axis, part in found.items() if len(part)]
    return pd.DataFrame(rows, columns=["axis", *like.columns])


def _summary(row: pd.Series) -> dict[str, Any]:
    names = [*configuration_columns(), "energy_j_per_example", "accuracy", "verdict"]
    return {name: plain(row[name]) for name in names if name in row}
