"""Whose accuracy is not worse than the baseline's: every configuration tested against it on the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.baseline import find_baseline
from analysis.findings.configurations import configurations, valid
from analysis.findings.correctness import Correctness, correctness, row_keys
from analysis.findings.slices import score_column
from analysis.findings.verdict import CANNOT_TELL, NOT_WORSE, WORSE
from analysis.statistics.arrays import Bools, Floats
from analysis.statistics.intervals import ratios
from analysis.statistics.multiplicity import corrected
from analysis.statistics.paired import ALPHA, Differences, margin_variance, paired_differences, unpaired_differences
from search_spaces.errors import check
from search_spaces.objectives import TOLERANCE

DIFFERENCE = ("accuracy_difference", "accuracy_difference_low", "accuracy_difference_high", "p_value")
# How a row's accuracy was compared with the baseline's, in `Judgement.table`; SELF is the baseline's own row.
SELF, PAIRED, UNPAIRED, NO_SCORE, OTHER_EXAMPLES = "baseline", "paired", "unpaired", "no score", "other examples"


@dataclass(frozen=True)
class Judgement:
    """Every configuration with its non-inferiority verdict against the baseline.

    `table` has, beside the columns of `configurations`: is_baseline, accuracy_difference (with _low and _high, the
    90 % score interval: its lower end is the one-sided 95 % limit), gained, lost (examples), difference_seed_sd (of the
    seeds' own differences; NaN for one), p_value, p_corrected (max-T over all that are cheaper), verdict (of one
    comparison alone; CANNOT_TELL where the difference is not known, too), verdict_among_many (by p_corrected),
    compared, energy_ratio (baseline over this; with _low, _high).
    """

    table: pd.DataFrame
    examples: int | None
    hypotheses: int  # that were corrected for: cheaper configurations that differ in their predictions

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
    table, predictions, base = _each_alone(clean, configurations(clean), baseline, tolerance)
    cheaper = (table["energy_j_per_example"] < table.loc[base, "energy_j_per_example"]) & table["p_value"].notna()
    table["p_corrected"], hypotheses = _corrected(table, predictions, base, cheaper.to_numpy(dtype=bool), tolerance)
    alone = (table["verdict"] != NOT_WORSE) | ~cheaper
    among = np.where(table["p_corrected"] <= ALPHA, NOT_WORSE, CANNOT_TELL)
    table["verdict_among_many"] = np.where(alone, table["verdict"], among)
    over = ratios(table.loc[base], table)
    table["energy_ratio"], table["energy_ratio_low"], table["energy_ratio_high"] = over
    examples = table["examples"].dropna()
    return Judgement(table, int(examples.iloc[0]) if len(examples) else None, hypotheses)


def verdicts_alone(
    clean: pd.DataFrame, table: pd.DataFrame, baseline: Mapping[str, Any] | None, tolerance: float
) -> pd.Series[str]:
    """The `verdict` of `judge` for each row of `table`, the `configurations` of the valid trials `clean`: of one
    comparison alone, without the correction, which takes most of its time."""
    found: pd.Series[str] = _each_alone(clean, table, baseline, tolerance)[0]["verdict"]
    return found


def _each_alone(
    clean: pd.DataFrame, table: pd.DataFrame, baseline: Mapping[str, Any] | None, tolerance: float
) -> tuple[pd.DataFrame, Correctness | None, Any]:
    """The table with what one comparison alone says of each row, the predictions, and the label of the baseline."""
    base = find_baseline(table, baseline)
    predictions = _predictions(clean)
    table = table.join(_against(table, predictions, base, tolerance))
    table["is_baseline"] = table.index == base
    return table, predictions, base


def verdicts(low: Floats, high: Floats, tolerance: float) -> list[str]:
    """NOT_WORSE or WORSE by more than the tolerance, where the interval of the difference leaves no doubt of it, else
    CANNOT_TELL."""
    found = np.where(low > -tolerance, NOT_WORSE, np.where(high < -tolerance, WORSE, CANNOT_TELL))
    return [str(v) for v in found]


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


def _against(table: pd.DataFrame, predictions: Correctness | None, base: Any, tolerance: float) -> pd.DataFrame:
    """The difference of each row's accuracy from that of row `base`, paired where bits allow, and the verdict."""
    score = score_column(table) or "accuracy"
    out = pd.DataFrame(np.nan, index=table.index, columns=[*DIFFERENCE, "gained", "lost", "difference_seed_sd"])
    compared = pd.Series(NO_SCORE, index=table.index, dtype=object)
    known = (table[score].notna() & pd.notna(table.loc[base, score])).to_numpy(dtype=bool)
    compared[known] = OTHER_EXAMPLES

    gained, lost, apart = _discordant(table, predictions, base)
    paired = np.isfinite(gained)
    if predictions is not None and paired.any():
        _fill(out, paired, paired_differences(gained[paired], lost[paired], predictions.examples, tolerance))
        out["gained"], out["lost"], out["difference_seed_sd"] = gained, lost, apart
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


def _predictions(clean: pd.DataFrame) -> Correctness | None:
    try:
        return correctness(clean)
    except CannotAnswer:
        return None


def _discordant(table: pd.DataFrame, predictions: Correctness | None, base: Any) -> tuple[Floats, Floats, Floats]:
    """Examples that only the row, and only row `base` gets right, means over the seeds both have, and the standard
    deviation between these seeds of the difference. NaN where predictions cannot be paired."""
    out = np.full((3, len(table)), np.nan)
    if predictions is None:
        return out[0], out[1], out[2]
    (base_key,) = row_keys(table.loc[[base]])
    for i, key in enumerate(row_keys(table)):
        shared = predictions.paired(key, base_key)
        if shared:
            gained = [np.count_nonzero(mine & ~theirs) for mine, theirs in shared]
            lost = [np.count_nonzero(theirs & ~mine) for mine, theirs in shared]
            out[0, i], out[1, i] = np.mean(gained), np.mean(lost)
            if len(shared) > 1:
                out[2, i] = np.std(np.subtract(gained, lost), ddof=1) / predictions.examples
    return out[0], out[1], out[2]


def _corrected(
    table: pd.DataFrame, predictions: Correctness | None, base: Any, tested: Bools, tolerance: float
) -> tuple[Floats, int]:
    """p values corrected for having tested all of `tested`, NaN elsewhere, and how many of these are different."""
    out = np.full(len(table), np.nan)
    part = table[tested]
    if part.empty:
        return out, 0
    n = 0 if predictions is None else predictions.examples
    unknown = np.full(max(n, 1), np.nan)
    (base_key,) = row_keys(table.loc[[base]])
    both = [] if predictions is None else [_difference(predictions.paired(key, base_key)) for key in row_keys(part)]
    differences = [unknown if own is None else own for own in both or [None] * len(part)]
    gained, lost, p = (part[c].to_numpy(dtype=float) for c in ("gained", "lost", "p_value"))
    variance = margin_variance(np.full(len(part), -tolerance), np.nan_to_num(gained), np.nan_to_num(lost), max(n, 1))
    out[tested], hypotheses = corrected(p, differences, variance)
    return out, hypotheses


def _difference(shared: list[tuple[Bools, Bools]]) -> Floats | None:
    """(examples,) mean over the shared seeds of this row's correctness minus the baseline's; None where it has none."""
    if not shared:
        return None
    return np.asarray(np.mean([mine.astype(float) - theirs for mine, theirs in shared], axis=0))
