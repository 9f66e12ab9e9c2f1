"""A recorded grid: its rows by point, what a pruned trial of each would have shown, and what there is to be found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import analysis
from analysis.findings.recommend import recommend
from analysis.findings.verdict import NOT_WORSE
from search_spaces.axes import AXES
from search_spaces.goal import ENERGY_BOUND, LATENCY_BOUND, Goal
from search_spaces.prune import MARGIN
from search_spaces.search_space import Point, SearchSpace
from trainables.energy.sources import estimates


@dataclass(frozen=True)
class Grid:
    """A recorded grid: rows by point, what a probe of each would have shown, and its answers."""

    name: str
    space: SearchSpace
    goal: Goal
    rows: Mapping[Point, Mapping[str, Any]]
    probes: Mapping[Point, Mapping[str, Any]]
    answers: Mapping[str, float]  # J/example by trial_id: the baseline, and what is not worse and cheaper

    @property
    def seconds(self) -> float:
        return float(sum(row["trial_s"] for row in self.rows.values()))

    def regret(self, tried: Iterable[str]) -> float:
        """J/example of the cheapest answer among the trials over that of the cheapest one, less 1; infinite where none
        is among them."""
        found = min((self.answers[name] for name in tried if name in self.answers), default=float("inf"))
        return found / min(self.answers.values()) - 1


def read_grid(path: Path, goal: Goal | None = None) -> Grid:
    """A run folder or table with a full grid of one task, model and seed."""
    goal = goal or Goal()
    rows, left_out = analysis.valid(analysis.load(path))
    if len(left_out):
        print(f"{path}: {len(left_out)} rows left out, such as {left_out['reason'].iloc[0]}")
    rows = rows[rows["accuracy"].notna() & (rows["task"] == rows["task"].mode().iloc[0])]
    if "sweep" in rows:  # the published tables: only this sweep is a product of its axes
        rows = rows[rows["sweep"] == "precision_x_seq_len"]
    usual = {name: rows[name].fillna(axis.usual) for name, axis in AXES.items() if axis.usual is not None}
    rows = rows.assign(**usual, trial_s=rows["trial_s"].fillna(1.0))
    rows = rows.astype({name: int for name in usual if AXES[name].ordered})
    if rows["replicate"].notna().any():
        rows = rows[rows["replicate"] == 0]
    first = rows.iloc[0]
    rows = rows[rows["seed"].isna() | (rows["seed"] == first["seed"])]
    axes = SearchSpace.axes
    values = tuple(
        tuple(sorted(rows[a].unique().tolist())) if AXES[a].ordered else tuple(rows[a].unique()) for a in axes
    )
    seed = 42 if pd.isna(first["seed"]) else int(first["seed"])
    model = first["model"] if isinstance(first["model"], str) else "model"
    device = "cpu" if first["energy_source"] in estimates() else "cuda"
    space = SearchSpace(str(first["task"]), model, seed, values, device)
    by_point = {tuple(row[a] for a in axes): row for row in rows.to_dict("records")}
    try:
        windows = analysis.load_windows(path) if path.is_dir() else pd.DataFrame()
    except Exception as error:
        print(f"{path}: no windows ({error})")
        windows = pd.DataFrame()
    firsts = windows[windows["window"] == 0].set_index("trial_id") if len(windows) else windows
    probes = {point: probe_of(row, firsts) for point, row in by_point.items()}
    return Grid(path.name, space, goal, by_point, probes, _answers(rows, space))


def _answers(rows: pd.DataFrame, space: SearchSpace) -> dict[str, float]:
    table = recommend(rows).table
    fine = table[table["is_baseline"] | ((table["verdict_among_many"] == NOT_WORSE) & (table["energy_ratio"] > 1))]
    points = zip(fine[list(space.axes)].itertuples(index=False, name=None), fine["energy_j_per_example"], strict=True)
    return {space.trial(point).trial_id: float(energy) for point, energy in points if space.allows(point)}


def probe_of(row: Mapping[str, Any], firsts: pd.DataFrame) -> dict[str, Any]:
    """The pruned row this trial would have been: bounds from its first window, and its shorter time."""
    energy, latency, window_s = row["energy_j_per_example"], row["latency_ms_per_example"], row["window_s"]
    if row["trial_id"] in firsts.index:
        window = firsts.loc[row["trial_id"]]
        examples = window["passes"] * row["examples_per_pass"]
        energy, latency = window["energy_j"] / examples, 1e3 * window["duration_s"] / examples
        window_s = window["duration_s"]
    probe = dict(row) | {"status": "pruned", ENERGY_BOUND: energy * (1 - MARGIN), LATENCY_BOUND: latency * (1 - MARGIN)}
    spared = row["warmup_s"] / 2 + row["total_s"] - window_s
    return probe | {"trial_s": row["trial_s"] - spared if np.isfinite(spared) else row["trial_s"]}
