"""From trials to configurations: what is excluded and why, and means with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.findings.plain import plain
from analysis.rows.cards import CARD_FACTOR
from analysis.rows.purpose import sweep_rows
from analysis.rows.types import LATENCY_CI
from analysis.statistics.between_trials import REPEATABILITY, between_trials
from analysis.statistics.intervals import NONE, OF_OTHERS, REPLICATES, WITHIN
from analysis.statistics.proportions import Z
from analysis.statistics.seeds import seed_mean, seed_spread, weights_columns
from search_spaces.axes import AXES, other_axes
from search_spaces.objectives import score_names
from search_spaces.trial_config import PURPOSES
from trainables.energy.sources import estimates
from trainables.rows.flags import ESTIMATED, split_flags, why_invalid

# The configuration; and what must never be averaged over: card, sensor, and the sweep of a foreign table.
RECIPE_AND_DATA = ("recipe_digest", "data_digest")
WHOSE = ("task", "model", *RECIPE_AND_DATA)
# What one recommendation may not mix, but for the models of one sweep (`comparison_numbers`).
TOGETHER = (*WHOSE, "gpu_name", "energy_source", "sweep")
OF_A_MODEL = ("model", "recipe_digest")  # of TOGETHER: what differs between the models of one sweep
GFLOP = "gflop_per_example"
DEPTH_SHARE = "depth_share"  # of a table of several models: a depth over the layers of its model
LAYERS = "layers"
_INTERVALS = {
    "energy_j_per_example": "energy_j_per_example_ci95",
    "latency_ms_per_example": LATENCY_CI,
}  # a quantity, and its half-width
_APART = ("gpu_name", "energy_source", "sweep")


_MEANS = (
    "examples",
    "energy_j_per_example",
    "net_energy_j_per_example",
    "latency_ms_per_example",
    "mean_power_w",
    "peak_gpu_memory_mib",
    "tokens_per_example",
    "real_tokens_per_example",
    "inputs_per_example",
    "matmul_reference_j_per_example",
    GFLOP,
    "idle_share",
    "host_cpu_s_per_example",
    "tokenising_cpu_s_per_example",
    "host_energy_j_per_example_estimate",
)


def is_estimated(rows: pd.DataFrame) -> pd.Series:
    """True where energy is assumed watts x busy time rather than read from a sensor."""
    flagged = [flags for flags in rows["flags"].unique() if ESTIMATED in split_flags(flags)]
    return rows["energy_source"].isin(estimates()) | rows["flags"].isin(flagged)


def valid(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows whose energy may enter fits and Pareto sets, and a table of the others with the reason for each.

    Fresh trials (`analysis.rows.purpose`) are in neither table. Excluded: status other than ok, a purpose that is not
    known, flags that `trainables.rows.flags.FLAGS` calls invalid or does not know, no energy,
    and estimated energy where the same rows hold measured energy. The second table has run, trial_id, status,
    flags, reason.
    """
    return usable(sweep_rows(rows))


def usable(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`valid` for rows of whatever purpose."""
    reasons = pd.Series("", index=rows.index, dtype=object)

    def add(mask: pd.Series, text: pd.Series | str) -> None:
        if not mask.any():
            return
        new = text[mask].astype(object) if isinstance(text, pd.Series) else text  # pandas 3.0 adds no "str" to nothing
        reasons[mask] = (reasons[mask] + "; " + new).str.removeprefix("; ")

    ok = rows["status"] == "ok"
    detail = rows["status"].astype(object).fillna("no status") + rows["error"].map(
        lambda e: f": {e}" if e else ""
    ).astype(object)
    add(~ok, detail)
    bad = rows["flags"].map({flags: why_invalid(flags) for flags in rows["flags"].unique()})
    add(bad != "", bad)
    if "purpose" in rows:
        add(~rows["purpose"].isin(PURPOSES), "unknown purpose " + rows["purpose"].astype(object))
    add(ok & rows["energy_j_per_example"].isna(), "no energy")
    add(rows["energy_j_per_example"] <= 0, "energy not above zero")
    estimated = is_estimated(rows)
    if (ok & ~estimated).any():
        add(ok & estimated, "estimated energy, beside measured rows")
    keep = reasons == ""
    names = [c for c in ("run", "trial_id", "status", "flags") if c in rows]
    excluded = rows.loc[~keep, names].assign(reason=reasons[~keep])
    return rows[keep], excluded.reset_index(drop=True)


def configurations(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per configuration, averaged over the replicates of a seed, then over seeds. Give it the clean rows of
    `valid`.

    Besides the means of the rows' columns: n_trials, n_seeds, interval_kind, `energy_j_per_example_ci95` and
    `latency_ms_per_example_ci95` (half-widths of that kind, 95 %), what they are made from (see
    `with_intervals`), accuracy_between_seed_sd and accuracy_within_seed_sd, energy_between_seed_relative_sd and
    energy_within_seed_relative_sd (see `analysis.statistics.seeds`), energy_j_per_correct (mean energy over mean
    accuracy), window_s (shortest), flags, estimated, and configuration (a label); of several models also model_place
    and depth_share (depth over the layers of its model; over the deepest measured where `wholes_known` is false).
    Different kinds of cards, sensors and sweeps are never averaged into one row.

    interval_kind: "replicates", Student-t from its own separate trials and what those of other configurations of the
    same task, model, kind of card, sensor and sweep say of its mean power (`analysis.statistics.between_trials`);
    "replicates of others", the same of a configuration measured once; "within trial", over the windows of the only
    trial, since nothing was repeated: it says nothing about how trials differ; "none".
    """
    keys = [k for k in (*configuration_columns(), *_APART) if k in rows]
    work = rows.drop(columns="weights_digest", errors="ignore")
    # Fine-tunings are numbered once: pandas groups texts slowly.
    work["seed"] = rows.groupby(weights_columns(rows), dropna=False).ngroup()
    work["estimated"] = is_estimated(work)
    # Grouped by all the keys once, then by the number of the group: pandas is slow with a dozen keys.
    by_keys = work.groupby(keys, dropna=False, sort=False, observed=True)
    work["_group"] = by_keys.ngroup()
    groups = work.groupby("_group", sort=False)
    table = seed_mean(work, ["_group"], [c for c in (*score_names(), *_MEANS) if c in work])
    table["n_trials"] = groups.size()
    table["n_seeds"] = groups["seed"].nunique()
    for name, half in _INTERVALS.items():
        table[half] = groups[half].first()
        table[f"{_short(name)}_relative_sd"] = groups[name].std(ddof=1) / table[name]
    for name, value, unit in (("accuracy", "accuracy", "sd"), ("energy", "energy_j_per_example", "relative_sd")):
        spread = seed_spread(work, ["_group"], value, relative=unit == "relative_sd")
        table[f"{name}_between_seed_{unit}"] = spread["between"]
        table[f"{name}_within_seed_{unit}"] = spread["within"]
    table["energy_j_per_correct"] = table["energy_j_per_example"] / table["accuracy"].where(table["accuracy"] > 0)
    table["window_s"] = groups["window_s"].min()
    if "model_place" in work and work["model_place"].notna().any():
        table["model_place"] = groups["model_place"].min()
    if LAYERS in work and work[LAYERS].notna().any():
        table[LAYERS] = groups[LAYERS].max()
    table["estimated"] = groups["estimated"].max()
    number = work["_group"].to_numpy()
    for source, target in (("flags", "flags"), ("run", "run"), ("trial_id", "trial_ids")):
        if source in work:
            table[target] = _joined(work[source], number, len(table))
    first = work.drop_duplicates("_group").set_index("_group")[keys]
    table = with_intervals(pd.concat([first, table], axis=1).reset_index(drop=True))
    if "model" in table and len(table["model"].dropna().unique()) > 1:
        whole = LAYERS if wholes_known(table) else "depth"
        table[DEPTH_SHARE] = table["depth"] / table.groupby("model", dropna=False)[whole].transform("max")
    table["configuration"] = labels(table)
    return table


def wholes_known(table: pd.DataFrame) -> bool:
    """Of every model in a table some row says how many layers it has: rows of older sweeps do not."""
    return LAYERS in table and bool(table.groupby("model", dropna=False)[LAYERS].max().notna().all())


def configuration_columns() -> tuple[str, ...]:
    """The columns that say which configuration of which model a row measured."""
    return tuple(dict.fromkeys((*WHOSE, *AXES)))


def comparison_numbers(rows: pd.DataFrame) -> np.ndarray:
    """(rows,) which comparison each row belongs to, from 0 in their order: rows that agree in TOGETHER, and with them
    the other models of the same sweep, which were measured to be compared (`model_place`). Not where a model has two
    recipes, as after a resumption with other settings: then each model and recipe is a comparison of its own."""
    keys = [k for k in TOGETHER if k in rows]
    own: np.ndarray = rows.groupby(keys, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    if "run" not in rows or "model_place" not in rows or rows["model_place"].isna().all():
        return own
    joined = np.arange(own.max(initial=-1) + 1)
    swept = rows["model_place"].notna().to_numpy()
    shared = [k for k in (*keys, "run") if k not in OF_A_MODEL]
    for part in rows[swept].assign(_own=own[swept]).groupby(shared, dropna=False, sort=False)["_own"]:
        together = joined[part[1].unique()]
        joined[np.isin(joined, together)] = together.min()
    numbers = joined[own]
    made = pd.DataFrame({"own": own, "joined": numbers, "model": rows["model"].to_numpy()})
    made = made.drop_duplicates()
    mixed = made.loc[made.duplicated(["joined", "model"]), "joined"]
    found: np.ndarray = pd.factorize(np.where(np.isin(numbers, mixed), own, numbers))[0]
    return found


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """A copy of rows of `configurations` (of several tables, perhaps) with their 95 % half-widths and interval_kind
    made anew from what all of them say together.

    Made from mean_power_w, n_trials and, for energy and latency, `_relative_sd` between a configuration's own trials.
    Added: `_trial_relative_sd` (what one trial is known to; null where nothing was repeated) and `_freedom` (degrees of
    freedom of the half-widths; 0: within one trial). One within a trial is at least what nothing repeats better than.
    """
    out = table.copy()
    trials, power = (out[c].to_numpy(dtype=float) for c in ("n_trials", "mean_power_w"))
    kind = np.full(len(out), WITHIN, dtype=object)
    compared = _comparisons(out)
    for name, half in _INTERVALS.items():
        short = _short(name)
        mean, width, own = (out[c].to_numpy(dtype=float, copy=True) for c in (name, half, f"{short}_relative_sd"))
        width = np.maximum(width, Z * REPEATABILITY * mean)
        spread, freedom = np.full(len(out), np.nan), np.zeros(len(out))
        for at in compared:
            between = between_trials(own[at], trials[at], power[at])
            spread[at], freedom[at] = between.relative_sd, between.freedom
            if between.configurations:
                width[at] = between.half_width(mean[at], trials[at])
                kind[at] = np.where(between.repeated, REPLICATES, OF_OTHERS)
        out[half], out[f"{short}_trial_relative_sd"], out[f"{short}_freedom"] = width, spread, freedom
        if name.startswith("energy"):
            out["interval_kind"] = np.where(np.isfinite(width), kind, NONE)
    return out


def _short(name: str) -> str:
    """ "energy_j_per_example" -> "energy"."""
    return name.split("_")[0]


def _comparisons(table: pd.DataFrame) -> list[np.ndarray]:
    """Positions of the rows of each comparison: what differs in task, card or sensor differs in spread."""
    keys = [k for k in TOGETHER if k in table]
    number = table.groupby(keys, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    return [np.flatnonzero(number == i) for i in range(number.max(initial=-1) + 1)]


def labels(table: pd.DataFrame) -> list[str]:
    """Short names that tell the rows apart: "fp16 48 tokens", with the other axes only where they differ."""
    parts: list[list[str]] = []
    for name, axis in AXES.items():
        if name not in table:
            continue
        if name in ("precision", "max_seq_len") or len(table[name].unique()) > 1:
            parts.append([axis.spell(v, "name_words") if pd.notna(v) else "" for v in table[name]])
    for column in (*WHOSE, *_APART):
        if column in table and column not in AXES and _differs(table, column):
            parts.append([whose_words(column, v) for v in table[column]])
    return [", ".join(p for p in row if p) for row in zip(*parts, strict=True)]


def _differs(table: pd.DataFrame, column: str) -> bool:
    """The rows differ in the column; each model has a recipe of its own, so in recipes only where a model has two."""
    if column == "recipe_digest" and "model" in table:
        return bool(table.groupby("model", dropna=False)[column].nunique(dropna=False).max() > 1)
    return len(table[column].unique()) > 1


def whose_words(column: str, value: Any) -> str:
    """A value of a column that says whose a configuration is: "recipe 3f09ab", "l4 sweep", "NVIDIA H100 80GB HBM3"."""
    if column in RECIPE_AND_DATA:
        return f"{column.removesuffix('_digest')} {'unknown' if pd.isna(value) else str(value)[:6]}"
    if pd.isna(value):
        return ""
    return f"{value} sweep" if column == "sweep" else str(value)


def comparable_groups(rows: pd.DataFrame) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Groups of rows that one fit may take: one task, model, batch size, padding, backend, card, sensor and
    sweep. Cards of one kind are one where `analysis.level_cards` brought their energies together.

    (what they have in common, rows), the largest group first.
    """
    keys = comparable_columns(rows)
    groups = [
        ({k: plain(v) for k, v in zip(keys, values, strict=True)}, group)
        for values, group in rows.groupby(keys, dropna=False, sort=False, observed=True)
    ]
    return sorted(groups, key=lambda pair: -len(pair[1]))


def comparable_columns(rows: pd.DataFrame) -> list[str]:
    """The columns in which rows of one fit must agree."""
    levelled = CARD_FACTOR in rows and bool(rows[CARD_FACTOR].notna().all())
    names = dict.fromkeys((*WHOSE, *other_axes(), "gpu_name", "gpu_uuid", "energy_source", "sweep"))
    return [k for k in names if k in rows and not (levelled and k == "gpu_uuid")]


def _joined(values: pd.Series, group: np.ndarray, count: int) -> list[str]:
    """Distinct names of each of `count` groups, joined by ';' as they appear; `group` numbers the rows."""
    found: list[dict[str, None]] = [{} for _ in range(count)]
    for number, text in zip(group, values.to_numpy(dtype=object), strict=True):
        for part in str(text).split(";"):
            if part:
                found[number][part] = None
    return [";".join(names) for names in found]
