"""The cheapest configuration that is not worse than the baseline: tested, with its saving and how to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.correctness import Correctness, correctness, key_of
from analysis.errors import CannotAnswer
from analysis.intervals import NONE, WITHIN, Ratio, ratio, spread
from analysis.paired import Difference, paired_difference, smallest_tolerance, unpaired_difference
from analysis.snippet import snippet
from analysis.table import CONFIGURATION, configurations, valid
from search_spaces.config import PRECISIONS
from search_spaces.errors import UsageError, check

AXES = ("max_seq_len", "depth", "precision", "batch_size", "padding", "backend")
NOT_WORSE, WORSE, CANNOT_TELL = "not worse", "worse", "cannot tell"
DEFAULT_TOLERANCE = 0.01


@dataclass(frozen=True)
class Recommendation:
    """`choice` and `baseline` are rows of `table`; `choice` is None where nothing cheaper is known not to be worse.

    `table` has, beside the columns of `configurations`: is_baseline, accuracy_difference (with _low and _high, the
    90 % score interval: its lower end is the one-sided 95 % limit), gained, lost (examples), p_value, p_holm,
    verdict, verdict_among_many (by p_holm), energy_ratio (baseline over this; with _low, _high), verdict_note.
    """

    baseline: pd.Series
    choice: pd.Series | None
    tolerance: float
    table: pd.DataFrame
    saving: Ratio | None  # baseline's energy over the choice's
    examples: int | None
    smallest_tolerance: float | None
    tested: int
    paired: bool
    estimated: bool
    runners_up: pd.DataFrame  # axis, and the cheapest "not worse" row with another value on that axis
    single_axis: (
        pd.DataFrame
    )  # axis, and the cheapest "not worse" row that changes only that axis of the baseline
    snippet: str
    sentences: list[str] = field(default_factory=list)

    @property
    def answer(self) -> str:
        """The recommendation in one sentence."""
        return self.sentences[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where unknown."""
        names = [*CONFIGURATION, "energy_j_per_example", "accuracy", "verdict"]
        return {
            "baseline": _plain(self.baseline, names),
            "choice": None if self.choice is None else _plain(self.choice, names),
            "tolerance": self.tolerance,
            "smallest_tolerance": self.smallest_tolerance,
            "examples": self.examples,
            "tested": self.tested,
            "paired": self.paired,
            "estimated": self.estimated,
            "saving": None if self.saving is None else {k: _value(v) for k, v in asdict(self.saving).items()},
            "sentences": self.sentences,
        }


def recommend(
    rows: pd.DataFrame,
    baseline: Mapping[str, Any] | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    checkpoint: str | None = None,
) -> Recommendation:
    """The cheapest configuration not worse than `baseline` by more than `tolerance` (a fraction of 1).

    `rows` are trials of `analysis.load`, of one task, card and sensor; invalid ones are left out here. `baseline` fixes
    columns ({"precision": "fp32", "max_seq_len": 128}); what it does not fix is fp32, longest, deepest, batch 64,
    max_length, eager, as far as present. `checkpoint` is the folder of weights that the snippet loads.
    """
    table = assess(rows, baseline, tolerance)
    base = table[table["is_baseline"]].iloc[0]
    good = table[(table["verdict"] == NOT_WORSE)].sort_values("energy_j_per_example", kind="stable")
    cheaper = good[good["energy_j_per_example"] < base["energy_j_per_example"]]
    choice = cheaper.iloc[0] if len(cheaper) else None
    reference = base if choice is None else choice
    saving = None if choice is None else ratio(base, choice, spread(table))
    examples = table.attrs["examples"]
    tested = int(((table["verdict"] != "") & ~table["is_baseline"]).sum())
    result = Recommendation(
        baseline=base,
        choice=choice,
        tolerance=tolerance,
        table=table,
        saving=saving,
        examples=examples,
        smallest_tolerance=smallest_tolerance(examples) if examples else None,
        tested=tested,
        paired=bool(table.attrs["paired"]),
        estimated=bool(table["estimated"].any()),
        runners_up=_runners_up(cheaper, reference),
        single_axis=_single_axis(cheaper, base),
        snippet=snippet(reference, full_depth=int(table["depth"].max()), checkpoint=checkpoint),
        sentences=[],
    )
    result.sentences.extend(_sentences(result))
    return result


def assess(
    rows: pd.DataFrame, baseline: Mapping[str, Any] | None = None, tolerance: float = DEFAULT_TOLERANCE
) -> pd.DataFrame:
    """Every configuration with its non-inferiority verdict against the baseline (see `Recommendation.table`)."""
    check(0 < tolerance < 1, "tolerance must be a fraction between 0 and 1", tolerance, "0.01 is one point")
    clean, excluded = valid(rows)
    if clean.empty:
        why = "; ".join(excluded["reason"].value_counts().head(3).index)
        raise CannotAnswer(f"No recommendation: none of the {len(rows)} trials has a valid energy ({why}).")
    _one_comparison(clean)
    table = configurations(clean)
    base_at = find_baseline(table, baseline)
    metric = "accuracy" if table["accuracy"].notna().any() else "exact_match"
    bits, note = _bits(clean)
    base = table.loc[base_at]
    records = []
    for _, row in table.iterrows():
        difference, why = _difference(row, base, bits, metric, tolerance)
        records.append(_record(difference, why or note, tolerance))
    table = table.join(pd.DataFrame(records, index=table.index))
    table["is_baseline"] = table.index == base_at
    table.loc[base_at, ["verdict", "verdict_note", "p_value"]] = [NOT_WORSE, "the baseline itself", np.nan]
    cheaper = (table["energy_j_per_example"] < base["energy_j_per_example"]) & table["p_value"].notna()
    table["p_holm"] = np.nan
    table.loc[cheaper, "p_holm"] = holm(table.loc[cheaper, "p_value"].to_numpy(dtype=float))
    among = np.where(table["p_holm"] <= 0.05, NOT_WORSE, CANNOT_TELL)
    keep = table["is_baseline"] | (table["verdict"] != NOT_WORSE)
    table["verdict_among_many"] = np.where(keep, table["verdict"], among)
    ratios = [ratio(base, row, spread(table)) for _, row in table.iterrows()]
    table["energy_ratio"] = [r.value for r in ratios]
    table["energy_ratio_low"] = [r.low for r in ratios]
    table["energy_ratio_high"] = [r.high for r in ratios]
    examples = table["examples"].dropna()
    table.attrs["examples"] = int(examples.iloc[0]) if len(examples) else None
    table.attrs["paired"] = bits is not None
    return table


def find_baseline(table: pd.DataFrame, wanted: Mapping[str, Any] | None = None) -> Any:
    """Index label of the baseline: `wanted` first, then fp32, longest, deepest, batch 64, max_length, eager."""
    pool = table
    for column, value in (wanted or {}).items():
        if column not in table:
            raise UsageError(
                f"a baseline must be given by columns of the table, but got {column!r}; see --help"
            )
        pool = pool[pool[column] == value]
        if pool.empty:
            raise UsageError(
                f"the baseline must be a measured configuration, but no clean row has {column} = {value!r}; "
                f"measured: {', '.join(map(str, sorted(table[column].dropna().unique())))}"
            )
    order = pd.DataFrame(
        {
            "precision": pool["precision"]
            .map({p: i for i, p in enumerate(PRECISIONS)})
            .fillna(len(PRECISIONS)),
            "max_seq_len": -pool["max_seq_len"],
            "depth": -pool["depth"],
            "batch": (pd.to_numeric(pool["batch_size"]).astype(float).fillna(64) - 64).abs(),
            "padding": pool["padding"].fillna("max_length") != "max_length",
            "backend": pool["backend"].fillna("eager") != "eager",
        }
    )
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
            raise CannotAnswer(
                f"No recommendation over several {what} ({', '.join(values)}): choose the rows of one."
            )


def _bits(clean: pd.DataFrame) -> tuple[Correctness | None, str]:
    try:
        return correctness(clean), ""
    except CannotAnswer as reason:
        return None, f"unpaired: {reason}"


def _difference(
    row: pd.Series, base: pd.Series, bits: Correctness | None, metric: str, tolerance: float
) -> tuple[Difference | None, str]:
    if bits is not None:
        mine, theirs = bits.bits.get(key_of(row)), bits.bits.get(key_of(base))
        if mine is not None and theirs is not None:
            shared = [s for s in bits.seeds[key_of(row)] if s in bits.seeds[key_of(base)]]
            if not shared:
                return None, "no seed in common with the baseline"
            a = mine[[bits.seeds[key_of(row)].index(s) for s in shared]]
            b = theirs[[bits.seeds[key_of(base)].index(s) for s in shared]]
            gained, lost = float((a & ~b).sum() / len(shared)), float((b & ~a).sum() / len(shared))
            return paired_difference(gained, lost, bits.examples, tolerance), ""
    if pd.isna(row[metric]) or pd.isna(base[metric]):
        return None, "accuracy is null"
    if pd.isna(row["examples"]) or row["examples"] != base["examples"]:
        return None, "the number of examples is unknown or not the baseline's"
    n = int(row["examples"])
    why = "unpaired: no per-example predictions (correct_bits), so the interval is wider"
    return unpaired_difference(float(row[metric]) * n, float(base[metric]) * n, n, tolerance), why


def _record(difference: Difference | None, note: str, tolerance: float) -> dict[str, Any]:
    nan = float("nan")
    if difference is None:
        names = (
            "accuracy_difference",
            "accuracy_difference_low",
            "accuracy_difference_high",
            "gained",
            "lost",
            "p_value",
        )
        return dict.fromkeys(names, nan) | {"verdict": CANNOT_TELL, "verdict_note": note}
    return {
        "accuracy_difference": difference.value,
        "accuracy_difference_low": difference.low,
        "accuracy_difference_high": difference.high,
        "gained": difference.gained,
        "lost": difference.lost,
        "p_value": difference.p_worse,
        "verdict": difference.verdict(tolerance),
        "verdict_note": note,
    }


def _runners_up(cheaper: pd.DataFrame, choice: pd.Series) -> pd.DataFrame:
    found = []
    for axis in AXES:
        others = cheaper[cheaper[axis].notna() & (cheaper[axis] != choice[axis])]
        if len(others):
            found.append(others.iloc[0].to_dict() | {"axis": axis})
    return _axis_first(found, cheaper)


def _single_axis(cheaper: pd.DataFrame, base: pd.Series) -> pd.DataFrame:
    found = []
    for axis in AXES:
        same = cheaper
        for other in AXES:
            if other != axis:
                same = same[same[other].isna() if pd.isna(base[other]) else same[other] == base[other]]
        if len(same):
            found.append(same.iloc[0].to_dict() | {"axis": axis})
    return _axis_first(found, cheaper)


def _axis_first(found: list[dict[str, Any]], like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["axis", *like.columns])


def _sentences(r: Recommendation) -> list[str]:
    within = points(r.tolerance)
    kind = "estimated energy" if r.estimated else "energy"
    lines = []
    if r.choice is None or r.saving is None:
        lines.append(
            f"Nothing cheaper than the baseline ({r.baseline['configuration']}) is known to be not worse by more than "
            f"{within}: stay with it."
        )
    else:
        saved = 100 * (1 - 1 / r.saving.value)
        lines.append(
            f"{r.choice['configuration']} uses {r.saving.value:.3g}x less {kind} than {r.baseline['configuration']} "
            f"({saved:.0f} % saved{_interval(r.saving)}) and is not worse by more than {within}."
        )
        lines.append(_flips(r))
        if r.choice["verdict_among_many"] != NOT_WORSE:
            lines.append(
                f"It was chosen among {r.tested} configurations; corrected for that (Holm) its accuracy is no longer "
                f"shown to be within {within}: confirm it on fresh examples before relying on it."
            )
        else:
            lines.append(
                f"It was chosen among {r.tested} configurations, and still holds corrected for that (Holm)."
            )
    if r.examples and r.smallest_tolerance is not None:
        lines.append(
            f"{r.examples} examples can show at best a loss below {100 * r.smallest_tolerance:.2g} points "
            f"(no prediction flipped, one-sided 95 %)."
        )
        if r.tolerance < r.smallest_tolerance:
            lines.append(
                f"A tolerance of {within} is below that: no configuration can pass. Evaluate more examples."
            )
    if not r.paired:
        lines.append(
            "The rows do not say which examples were right, so accuracies were compared unpaired, which is cautious."
        )
    return lines


def points(tolerance: float) -> str:
    """0.01 -> "1 point", 0.005 -> "0.5 points"."""
    return f"{100 * tolerance:g} point" + ("" if round(100 * tolerance, 9) == 1 else "s")


def _flips(r: Recommendation) -> str:
    c = r.choice
    assert c is not None  # noqa: S101
    low = 100 * c["accuracy_difference_low"]
    change = f"Accuracy changes by {100 * c['accuracy_difference']:+.2f} points, at worst {low:+.2f} (one-sided 95 %)"
    if pd.isna(c["lost"]):
        return change + "."
    return f"{change}: of {r.examples} examples {c['lost']:g} became wrong and {c['gained']:g} right."


def _interval(saving: Ratio) -> str:
    if saving.kind == NONE:
        return ", no interval"
    low, high = 100 * (1 - 1 / saving.low), 100 * (1 - 1 / saving.high)
    note = ", within trials only" if saving.kind == WITHIN else ""
    return f", 95 % interval {low:.1f} to {high:.1f}{note}"


def _plain(row: pd.Series, names: list[str]) -> dict[str, Any]:
    return {name: _value(row[name]) for name in names if name in row}


def _value(value: Any) -> Any:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
