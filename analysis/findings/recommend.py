"""The cheapest configuration that is not worse than the baseline: tested, with its saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.configurations import configuration_columns, configurations, plain, valid
from analysis.findings.correctness import Correctness, correctness, row_keys
from analysis.findings.slices import score_quantity
from analysis.statistics.intervals import Ratio, ratio, ratios
from analysis.statistics.paired import (
    ALPHA,
    Differences,
    paired_differences,
    smallest_tolerance,
    unpaired_differences,
    verdicts,
)
from analysis.words.snippet import Checkpoint, find_checkpoint
from search_spaces.axes import AXES
from search_spaces.errors import UsageError, check
from search_spaces.objectives import TOLERANCE

NOT_WORSE, WORSE, CANNOT_TELL = "not worse", "worse", "cannot tell"


@dataclass(frozen=True)
class Recommendation:
    """`choice` and `baseline` are rows of `table`; `choice` is None where nothing cheaper is known not to be
    worse.

    `table` has, beside the columns of `configurations`: is_baseline, accuracy_difference (with _low and
    _high, the 90 % score interval: its lower end is the one-sided 95 % limit), gained, lost (examples),
    p_value, p_holm, verdict, verdict_among_many (by p_holm), energy_ratio (baseline over this; with _low,
    _high), verdict_note.
    """

    baseline: pd.Series
    choice: pd.Series | None
    tolerance: float
    table: pd.DataFrame
    saving: Ratio | None  # baseline's energy over the choice's
    cautious: pd.Series | None  # the cheapest that passes corrected for having tested many; may be the choice
    examples: int | None
    smallest_tolerance: float | None
    tested: int
    paired: bool
    estimated: bool
    runners_up: pd.DataFrame  # axis, and the cheapest "not worse" row with another value on that axis
    single_axis: pd.DataFrame  # axis, and the cheapest "not worse" row that changes only that axis of the baseline
    cheapest: pd.Series  # of all, whatever its accuracy
    better: pd.Series | None  # the most accurate that surely beats the baseline by more than the tolerance
    checkpoint: Checkpoint | None  # the weights that `reference` was measured with, as far as is known

    @property
    def scored(self) -> bool:
        """Some configuration's accuracy is known: it is not where the weights are random."""
        return score_quantity(self.table) is not None

    @property
    def reference(self) -> pd.Series:
        """What is to be run: the choice, or the baseline where there is none."""
        return self.baseline if self.choice is None else self.choice

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where unknown."""
        names = [*configuration_columns(), "energy_j_per_example", "accuracy", "verdict"]
        return {
            "baseline": _plain(self.baseline, names),
            "choice": None if self.choice is None else _plain(self.choice, names),
            "cautious": None if self.cautious is None else _plain(self.cautious, names),
            "tolerance": self.tolerance,
            "smallest_tolerance": self.smallest_tolerance,
            "examples": self.examples,
            "tested": self.tested,
            "paired": self.paired,
            "estimated": self.estimated,
            "saving": None if self.saving is None else {k: plain(v) for k, v in asdict(self.saving).items()},
        }


def recommend(
    rows: pd.DataFrame,
    baseline: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
    checkpoint: str | None = None,
) -> Recommendation:
    """The cheapest configuration not worse than `baseline` by more than `tolerance` (a fraction of 1).

    `rows` are trials of `analysis.rows.load`, of one task, card and sensor; invalid ones are left out here.
    `baseline` fixes columns ({"precision": "fp32", "max_seq_len": 128}); what it does not fix is fp32,
    longest, deepest, batch 64, max_length, eager, as far as present. `checkpoint` is the folder or hub id of
    the weights that the snippet loads; by default those of the rows' run folder.
    """
    table = assess(rows, baseline, tolerance)
    base = table[table["is_baseline"]].iloc[0]
    good = table[(table["verdict"] == NOT_WORSE)].sort_values("energy_j_per_example", kind="stable")
    cheaper = good[good["energy_j_per_example"] < base["energy_j_per_example"]]
    choice = _first(cheaper)
    reference = base if choice is None else choice
    saving = None if choice is None else ratio(base, choice)
    examples = table.attrs["examples"]
    tested = int(((table["verdict"] != "") & ~table["is_baseline"]).sum())
    return Recommendation(
        baseline=base,
        choice=choice,
        tolerance=tolerance,
        table=table,
        saving=saving,
        cautious=_first(cheaper[cheaper["verdict_among_many"] == NOT_WORSE]),
        examples=examples,
        smallest_tolerance=smallest_tolerance(examples) if examples else None,
        tested=tested,
        paired=bool(table.attrs["paired"]),
        estimated=bool(table["estimated"].any()),
        runners_up=_runners_up(cheaper, reference),
        single_axis=_single_axis(cheaper, base),
        cheapest=table.sort_values("energy_j_per_example", kind="stable").iloc[0],
        better=_better(table, tolerance),
        checkpoint=Checkpoint(checkpoint) if checkpoint else _checkpoint(rows, reference),
    )


def assess(rows: pd.DataFrame, baseline: Mapping[str, Any] | None = None, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Every configuration with its non-inferiority verdict against the baseline (see `Recommendation.table`).

    `attrs` hold examples (int or None) and paired (bool).
    """
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    clean, excluded = valid(rows)
    if clean.empty:
        why = "; ".join(excluded["reason"].value_counts().head(3).index)
        raise CannotAnswer(f"No recommendation: none of the {len(rows)} trials has a valid energy ({why}).")
    _one_comparison(clean)
    table = configurations(clean)
    base = find_baseline(table, baseline)
    judged, paired = _judge(table, clean, base, tolerance)
    table = table.join(judged)
    table["is_baseline"] = table.index == base
    energy = table["energy_j_per_example"]
    cheaper = (energy < energy[base]) & table["p_value"].notna()
    table["p_holm"] = np.nan
    table.loc[cheaper, "p_holm"] = holm(table.loc[cheaper, "p_value"].to_numpy(dtype=float))
    alone = (table["verdict"] != NOT_WORSE) | ~cheaper
    among = np.where(table["p_holm"] <= ALPHA, NOT_WORSE, CANNOT_TELL)
    table["verdict_among_many"] = np.where(alone, table["verdict"], among)
    over = ratios(table.loc[base], table)
    table["energy_ratio"], table["energy_ratio_low"], table["energy_ratio_high"] = over
    examples = table["examples"].dropna()
    table.attrs["examples"] = int(examples.iloc[0]) if len(examples) else None
    table.attrs["paired"] = paired
    return table


def find_baseline(table: pd.DataFrame, wanted: Mapping[str, Any] | None = None) -> Any:
    """Index label of the baseline: `wanted` first, then fp32, longest, deepest, batch 64, max_length,
    eager."""
    pool = table
    for column, value in (wanted or {}).items():
        if column not in table:
            raise UsageError(f"a baseline must be given by columns of the table, but got {column!r}; see --help")
        pool = pool[pool[column] == value]
        if pool.empty:
            raise UsageError(
                f"the baseline must be a measured configuration, but no clean row has {column} = {value!r}; "
                f"measured: {', '.join(map(str, sorted(table[column].dropna().unique())))}"
            )
    said = pool.astype(object).where(pool.notna(), None)
    order = pd.DataFrame({name: said[name].map(axis.from_baseline) for name, axis in AXES.items() if name in pool})
    return order.sort_values(list(order.columns), kind="stable").index[0]


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment (Holm 1979): family-wise over all p values given."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(adjusted, 1.0)
    return out


# ---- the parts ----


def _one_comparison(clean: pd.DataFrame) -> None:
    for column, what in (
        ("task", "tasks"),
        ("gpu_name", "cards"),
        ("energy_source", "energy sources"),
        ("sweep", "sweeps"),
    ):
        if column not in clean:
            continue
        values = sorted({str(v) for v in clean[column].dropna()})
        if len(values) > 1:
            raise CannotAnswer(f"No recommendation over several {what} ({', '.join(values)}): choose the rows of one.")


def _judge(table: pd.DataFrame, clean: pd.DataFrame, base: Any, tolerance: float) -> tuple[pd.DataFrame, bool]:
    """Accuracy against row `base`, paired where bits allow; and whether any was paired."""
    score = score_quantity(table)
    metric = "accuracy" if score is None else score.column
    out = pd.DataFrame(np.nan, index=table.index, columns=list(DIFFERENCE))
    note = pd.Series("", index=table.index, dtype=object)
    gained, lost, n = np.full(len(table), np.nan), np.full(len(table), np.nan), 0
    try:
        bits = correctness(clean)
        gained, lost = _discordant(table, base, bits)
        n = bits.examples
    except CannotAnswer as reason:
        note[:] = f"unpaired: {reason}"
    paired = np.isfinite(gained)
    if paired.any():
        _fill(out, paired, paired_differences(gained[paired], lost[paired], n, tolerance))
        out["gained"], out["lost"] = gained, lost
    theirs = table.loc[base, metric]
    known = table[metric].notna() & (table["examples"] == table.loc[base, "examples"])
    known = known.fillna(False).astype(bool)  # null where a number of examples is
    rest = (known & ~paired & pd.notna(theirs)).to_numpy(dtype=bool)
    if rest.any():
        n = int(table.loc[base, "examples"])
        right = table.loc[rest, metric].to_numpy(dtype=float) * n
        _fill(out, rest, unpaired_differences(right, float(theirs) * n, n, tolerance))
        note[rest & (note == "")] = "unpaired: no seed in common with the baseline, or no correct_bits"
    note[~paired & ~rest] = "the number of examples is unknown or not the baseline's"
    note[table[metric].isna() | pd.isna(theirs)] = "accuracy is null"
    low, high = out["accuracy_difference_low"], out["accuracy_difference_high"]
    out["verdict"] = verdicts(low.to_numpy(), high.to_numpy(), tolerance)
    out["verdict_note"] = note
    out.loc[base, "verdict"] = NOT_WORSE
    out.loc[base, "verdict_note"] = "the baseline itself"
    out.loc[base, "p_value"] = np.nan
    return out, bool(paired.any())


DIFFERENCE = ("accuracy_difference", "accuracy_difference_low", "accuracy_difference_high", "gained", "lost", "p_value")


def _fill(out: pd.DataFrame, at: np.ndarray, found: Differences) -> None:
    names = ["accuracy_difference", "accuracy_difference_low", "accuracy_difference_high", "p_value"]
    out.loc[at, names] = np.column_stack([found.value, found.low, found.high, found.p_worse])


def _discordant(table: pd.DataFrame, base: Any, bits: Correctness) -> tuple[np.ndarray, np.ndarray]:
    """Examples only the candidate, and only the baseline gets right; means over the seeds both have, else
    NaN."""
    keys = row_keys(table)
    theirs = bits.by_seed(keys[int(np.flatnonzero(table.index == base)[0])])
    out = np.full((2, len(table)), np.nan)
    for i, key in enumerate(keys):
        mine = bits.by_seed(key)
        shared = [seed for seed in mine if seed in theirs]
        if shared:
            out[0, i] = np.mean([np.count_nonzero(mine[s] & ~theirs[s]) for s in shared])
            out[1, i] = np.mean([np.count_nonzero(theirs[s] & ~mine[s]) for s in shared])
    return out[0], out[1]


def _checkpoint(rows: pd.DataFrame, row: pd.Series) -> Checkpoint | None:
    """The fine-tuned weights that the row was measured with, as far as its run folder says."""
    for name in str(row.get("run", "")).split(";"):
        folder = rows.attrs.get("folders", {}).get(name)
        found = folder and find_checkpoint(Path(folder), str(row["task"]), str(row["model"]))
        if found:
            return found
    return None


def _first(table: pd.DataFrame) -> pd.Series | None:
    return table.iloc[0] if len(table) else None


def _better(table: pd.DataFrame, tolerance: float) -> pd.Series | None:
    surely = table[table["accuracy_difference_low"] > tolerance]
    return None if surely.empty else surely.iloc[int(surely["accuracy_difference"].argmax())]


def _runners_up(cheaper: pd.DataFrame, choice: pd.Series) -> pd.DataFrame:
    found = []
    for axis in AXES:
        others = cheaper[cheaper[axis].notna() & (cheaper[axis] != choice[axis])]
        if len(others):
            found.append({"axis": axis, **others.iloc[0]})
    return _axis_first(found, cheaper)


def _single_axis(cheaper: pd.DataFrame, base: pd.Series) -> pd.DataFrame:
    found = []
    for axis in AXES:
        same = cheaper
        for other in AXES:
            if other != axis:
                same = same[same[other].isna() if pd.isna(base[other]) else same[other] == base[other]]
        if len(same):
            found.append({"axis": axis, **same.iloc[0]})
    return _axis_first(found, cheaper)


def _axis_first(found: list[dict[str, Any]], like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["axis", *like.columns])


def _plain(row: pd.Series, names: list[str]) -> dict[str, Any]:
    return {name: plain(row[name]) for name in names if name in row}
