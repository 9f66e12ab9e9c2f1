"""Whose accuracy is not worse than the baseline's: every configuration tested against it on the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from analysis.errors import CannotAnswer
from analysis.findings.baseline import find_baseline
from analysis.findings.configurations import configurations, valid
from analysis.findings.correctness import Correctness, correctness, row_keys
from analysis.findings.slices import score_column
from analysis.findings.verdict import CANNOT_TELL, NOT_WORSE, WORSE
from analysis.statistics.arrays import Bools, Floats
from analysis.statistics.intervals import ratios
from analysis.statistics.paired import ALPHA, Differences, paired_differences, unpaired_differences
from search_spaces.errors import check
from search_spaces.objectives import TOLERANCE

DIFFERENCE = ("accuracy_difference", "accuracy_difference_low", "accuracy_difference_high", "p_value")
# How a row's accuracy was compared with the baseline's, in `Judgement.table`; SELF is the baseline's own row.
SELF, PAIRED, UNPAIRED, NO_SCORE, OTHER_EXAMPLES = "baseline", "paired", "unpaired", "no score", "other examples"


@dataclass(frozen=True)
class Judgement:
    """Every configuration with its non-inferiority verdict against the baseline.

    `table` has, beside the columns of `configurations`: is_baseline, accuracy_difference (with _low and _high, the
    90 % score interval: its lower end is the one-sided 95 % limit), gained, lost (examples), p_value, p_holm, verdict
    (CANNOT_TELL where the difference is not known, too), verdict_among_many (by p_holm), compared, energy_ratio
    (baseline over this; with _low, _high).
    """

    table: pd.DataFrame
    examples: int | None

    @property
    def baseline(self) -> pd.Series:
        return self.table[self.table["is_baseline"]].iloc[0]

    @property
    def paired(self) -> bool:
        """Some configuration was compared with the baseline example by example."""
        return bool(self.table["gained"].notna().any())


def judge(rows: pd.DataFrame, baseline: Mapping[str, Any] | None = None, tolerance: float = TOLERANCE) -> Judgement:
    """Test the configurations of `rows` (trials of one task, card, sensor and sweep) against their baseline.

    `baseline`: see `find_baseline`. `tolerance`: loss of accuracy (a fraction) that counts as none. CannotAnswer where
    no trial is valid, or they are not of one comparison.
    """
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    clean, excluded = valid(rows)
    if clean.empty:
        why = "; ".join(excluded["reason"].value_counts().head(3).index)
        raise CannotAnswer(f"No recommendation: none of the {len(rows)} trials has a valid energy ({why}).")
    _one_comparison(clean)
    table = configurations(clean)
    base = find_baseline(table, baseline)
    table = table.join(_against(table, clean, base, tolerance))
    table["is_baseline"] = table.index == base
    cheaper = (table["energy_j_per_example"] < table.loc[base, "energy_j_per_example"]) & table["p_value"].notna()
    table["p_holm"] = np.nan
    table.loc[cheaper, "p_holm"] = holm(table.loc[cheaper, "p_value"].to_numpy(dtype=float))
    alone = (table["verdict"] != NOT_WORSE) | ~cheaper
    among = np.where(table["p_holm"] <= ALPHA, NOT_WORSE, CANNOT_TELL)
    table["verdict_among_many"] = np.where(alone, table["verdict"], among)
    over = ratios(table.loc[base], table)
    table["energy_ratio"], table["energy_ratio_low"], table["energy_ratio_high"] = over
    examples = table["examples"].dropna()
    return Judgement(table, int(examples.iloc[0]) if len(examples) else None)


def verdicts(low: Floats, high: Floats, tolerance: float) -> list[str]:
    """NOT_WORSE or WORSE by more than the tolerance, where the interval of the difference leaves no doubt of it, else
    CANNOT_TELL."""
    found = np.where(low > -tolerance, NOT_WORSE, np.where(high < -tolerance, WORSE, CANNOT_TELL))
    return [str(v) for v in found]


def holm(p: Floats) -> Floats:
    """p values adjusted for having tested all of them (Holm 1979, step-down: family-wise)."""
    return np.asarray(multipletests(p, method="holm")[1])


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


def _against(table: pd.DataFrame, clean: pd.DataFrame, base: Any, tolerance: float) -> pd.DataFrame:
    """The difference of each row's accuracy from that of row `base`, paired where bits allow, and the verdict."""
    score = score_column(table) or "accuracy"
    out = pd.DataFrame(np.nan, index=table.index, columns=[*DIFFERENCE, "gained", "lost"])
    compared = pd.Series(NO_SCORE, index=table.index, dtype=object)
    known = (table[score].notna() & pd.notna(table.loc[base, score])).to_numpy(dtype=bool)
    compared[known] = OTHER_EXAMPLES

    gained, lost, examples = _discordant(table, clean, base)
    paired = np.isfinite(gained)
    if paired.any():
        _fill(out, paired, paired_differences(gained[paired], lost[paired], examples, tolerance))
        out["gained"], out["lost"] = gained, lost
    compared[paired] = PAIRED

    same = (table["examples"] == table.loc[base, "examples"]).fillna(False).to_numpy(dtype=bool)
    unpaired = known & same & ~paired
    if unpaired.any():
        n = int(table.loc[base, "examples"])
        right = table.loc[unpaired, score].to_numpy(dtype=float) * n
        _fill(out, unpaired, unpaired_differences(right, float(table.loc[base, score]) * n, n, tolerance))
    compared[unpaired] = UNPAIRED

    low, high = (out[f"accuracy_difference_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    out["verdict"] = verdicts(low, high, tolerance)
    out["compared"] = compared
    out.loc[base, ["verdict", "compared"]] = NOT_WORSE, SELF
    out.loc[base, "p_value"] = np.nan
    return out


def _fill(out: pd.DataFrame, at: Bools, found: Differences) -> None:
    out.loc[at, list(DIFFERENCE)] = np.column_stack([found.value, found.low, found.high, found.p_worse])


def _discordant(table: pd.DataFrame, clean: pd.DataFrame, base: Any) -> tuple[Floats, Floats, int]:
    """Examples that only the row, and only row `base` gets right, and of how many; means over the seeds both have. NaN
    where predictions cannot be paired."""
    out = np.full((2, len(table)), np.nan)
    try:
        bits = correctness(clean)
    except CannotAnswer:
        return out[0], out[1], 0
    return *_discordant_of(table, base, bits), bits.examples


def _discordant_of(table: pd.DataFrame, base: Any, bits: Correctness) -> tuple[Floats, Floats]:
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
