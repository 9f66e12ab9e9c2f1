"""Several cards of one kind in one sweep: how they differ by the anchor, and rows brought to their mean.

Two cards of one kind differ by some percent in joules for the same work. A sweep spread over them would charge
that to the configurations. The anchor (one fixed load, measured on every card through the run) tells the cards
apart from the configurations: a card's factor is its mean anchor over the mean of the cards' means, and what was
measured on it is divided by that. The anchor is a compute-bound load at fp16: a launch-bound configuration may
differ less between the cards than it says, which shows as spread between replicates on different cards.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.rows.load import load, load_anchors
from analysis.rows.purpose import sweep_rows
from analysis.rows.types import LATENCY_CI

CARD_FACTOR = "card_factor"  # a column: what the energies of a row were divided by

_ENERGIES = (
    "energy_j_per_example",
    "energy_j_per_example_ci95",
    "energy_j_per_correct",
    "net_energy_j_per_example",
    "edge_error_j_per_example",
)
_FACTORS = (
    "model",
    "gpu_uuid",
    "anchors",
    "energy_j_per_example",
    "energy_factor",
    "energy_factor_se",
    "latency_factor",
    "drift",
)


def card_factors(anchors: pd.DataFrame) -> pd.DataFrame:
    """One row per card (and model, since the anchor runs on the sweep's model), from `load_anchors`.

    Columns: model, gpu_uuid, anchors (how many), energy_j_per_example (mean), energy_factor and its standard
    error (NaN for one anchor), latency_factor (NaN without mean_power_w), drift (the largest departure of one
    anchor from the card's median, a fraction). Empty where no anchor names its card.
    """
    needed = ("gpu_uuid", "energy_j_per_example")
    if not all(c in anchors for c in needed):
        return pd.DataFrame(columns=list(_FACTORS))
    known = anchors.dropna(subset=list(needed)).copy()
    known = known[known["energy_j_per_example"] > 0]
    if known.empty:
        return pd.DataFrame(columns=list(_FACTORS))
    for column in ("model", "gpu_name"):
        known[column] = known[column].fillna("") if column in known else ""
    power = known.get("mean_power_w", np.nan)
    known["latency_s"] = known["energy_j_per_example"] / power
    groups = known.groupby(["model", "gpu_name", "gpu_uuid"], sort=True)
    energy = groups["energy_j_per_example"]
    table = pd.DataFrame(
        {
            "anchors": energy.size(),
            "energy_j_per_example": energy.mean(),
            "energy_factor_se": energy.std(ddof=1) / energy.mean() / np.sqrt(energy.size()),
            "latency_factor": groups["latency_s"].mean(),
            "drift": energy.apply(lambda e: float((e / e.median() - 1).abs().max())),
        }
    )
    kind = table.groupby(level=["model", "gpu_name"])
    table["energy_factor"] = table["energy_j_per_example"] / kind["energy_j_per_example"].transform("mean")
    table["latency_factor"] /= kind["latency_factor"].transform("mean")
    return table.reset_index()[list(_FACTORS)]


def level_cards(rows: pd.DataFrame, anchors: pd.DataFrame) -> tuple[pd.DataFrame, dict[tuple[str, str], str]]:
    """(rows with the energies and latencies of several cards of one kind brought to the cards' mean; for each
    (gpu_name, model of the anchors) on several cards the sentence that says what was done, or why it could not be).

    Levelled rows have the column `card_factor`; `comparable_groups` and `fit_energy` then take the cards as
    one. Rows of a kind of card of which the run holds one card only are returned as they are, and so are
    cards of which one has no anchor. Cards of different kinds are never brought together. Fresh trials
    (`analysis.rows.purpose`) stay as measured: they are compared on one card alone.
    """
    said: dict[tuple[str, str], str] = {}
    anchored = anchored_on(rows)
    several = _several(rows, anchored)
    if not several or CARD_FACTOR in rows:
        return rows, said
    factors = card_factors(anchors)
    out = rows.copy()
    out[CARD_FACTOR] = np.nan
    for name, model, cards in several:
        own = factors[factors["model"].isin(["", model])].set_index("gpu_uuid")
        lacking = [c for c in cards if c not in own.index]
        if lacking:
            said[name, model] = (
                f"Trials ran on {len(cards)} cards ({name}), and {', '.join(map(short_uuid, lacking))} measured "
                f"no anchor: how the cards differ is unknown, so a difference between configurations may be one "
                f"between cards."
            )
            continue
        here = (out["gpu_name"] == name) & (anchored == model) & out.index.isin(sweep_rows(out).index)
        energy = out.loc[here, "gpu_uuid"].map(own["energy_factor"])
        latency = out.loc[here, "gpu_uuid"].map(own["latency_factor"])
        for column in _ENERGIES:
            out.loc[here, column] /= energy
        if latency.notna().all():
            for column in ("latency_ms_per_example", LATENCY_CI):
                out.loc[here, column] /= latency
            out.loc[here, "mean_power_w"] *= latency / energy
        out.loc[here, CARD_FACTOR] = energy
        factor = own["energy_factor"].to_dict()
        spelled = ", ".join(f"{short_uuid(c)} {factor[c]:.3f}" for c in cards)
        known = _known(own.loc[cards, "energy_factor_se"])
        said[name, model] = (
            f"Trials ran on {len(cards)} cards ({name}). Energies are divided by the card's anchor over the "
            f"mean of the cards ({spelled}){', latencies alike' if latency.notna().all() else ''}: the numbers "
            f"are those of the average card. {known}"
        )
    return out, said


def anchored_on(rows: pd.DataFrame) -> pd.Series[str]:
    """The model that the anchors beside each row are measured with: its own, or the first of the sweep over several
    that it was in."""
    found = rows["model"].fillna("").astype(object)
    if "model_place" not in rows or "run" not in rows:
        return found
    first = rows[rows["model_place"] == 0].drop_duplicates("run").set_index("run")["model"]
    swept = rows["model_place"].notna() & rows["run"].isin(first.index)
    return found.where(~swept, rows["run"].map(first))


def _known(standard_errors: pd.Series) -> str:
    """How well the anchors know the difference of two cards, by the two least known: the error of a ratio across them
    that no interval of a configuration has."""
    if standard_errors.isna().any():
        return "One anchor is all that a card has, so how well they are known is not."
    error = 1.96 * float(np.hypot(*np.sort(standard_errors.to_numpy(dtype=float))[-2:]))
    return (
        f"The anchors know how two cards differ to {100 * error:.2g} % (95 %): a ratio of trials on different cards is "
        "uncertain by that besides its interval."
    )


def load_levelled(*paths: str | Path, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """`analysis.rows.load` of the paths, with the cards brought together by their anchors where that can be."""
    return level_cards(load(*paths, columns=columns), load_anchors(*paths))[0]


def _several(rows: pd.DataFrame, anchored: pd.Series[str]) -> list[tuple[str, str, list[str]]]:
    """(kind of card, model of the anchors, UUIDs) of each kind that rows with an energy name more than one card of."""
    known = sweep_rows(rows)
    known = known[known["energy_j_per_example"].notna()].dropna(subset=["gpu_name", "gpu_uuid"])
    found: list[tuple[str, str, list[str]]] = []
    groups: Any = known.groupby(["gpu_name", anchored[known.index]], sort=True)
    for (name, model), group in groups:
        cards = sorted(group["gpu_uuid"].unique())
        if len(cards) > 1:
            found.append((str(name), str(model), cards))
    return found


def short_uuid(uuid: str) -> str:
    """ "GPU-3f2a91c4-..." -> "GPU-3f2a91c4": enough to tell the cards of one run apart."""
    return "-".join(uuid.split("-")[:2]) if uuid.startswith("GPU-") else uuid[:16]
