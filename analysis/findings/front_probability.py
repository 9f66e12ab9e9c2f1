"""How sure a Pareto front is: the probability of each configuration being non-dominated, by a paired
bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.errors import CannotAnswer
from analysis.findings.configurations import configurations
from analysis.findings.correctness import correctness, row_keys
from analysis.findings.pareto import nondominated, pareto_set
from search_spaces.objectives import DEFAULT_OBJECTIVES, OBJECTIVES

MARKED = 0.05  # a configuration off the front whose probability is at least this cannot be told from it
LARGE = 1e6  # degrees of freedom: a normal distribution
CHUNK = 200  # resamples drawn at once: bounds memory at CHUNK x examples


def front_probability(
    clean: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    *,
    rng: np.random.Generator,
    resamples: int = 2000,
) -> pd.DataFrame:
    """`configurations(clean)` with front, front_probability, indistinguishable (off the front, yet
    non-dominated in at least 5 % of the resamples) and front_note (what was held fixed).

    Accuracy: the same examples are drawn for every configuration, so equal predictions stay equal in each
    resample; seeds are averaged. Energy and latency: Student-t around the mean of the log, with the error
    that makes the headline interval of `configurations`: of separate trials, or within them where nothing was
    repeated. Peak memory is held fixed. `clean` are valid trials with correct_bits (only needed when accuracy is an
    objective).
    """
    table = pareto_set(configurations(clean), objectives)
    use = np.flatnonzero((table["not_compared"] == "").to_numpy())
    part = table.iloc[use]
    hits = np.zeros(len(part))
    right, notes = None, []
    if "accuracy" in objectives:
        right = _mean_correctness(clean, part)
    samplers = {}
    for name in objectives:
        if name.startswith(("energy", "latency", "net_energy")):
            samplers[name], note = _log_error(part, name)
            notes += [note] if note else []
    done = 0
    while done < resamples:
        size = min(CHUNK, resamples - done)
        drawn = _draw(part, objectives, right, samplers, size, rng)
        for points in drawn:
            hits += nondominated(points)
        done += size
    probability = np.full(len(table), np.nan)
    probability[use] = hits / resamples
    table["front_probability"] = probability
    table["indistinguishable"] = ~table["front"] & (table["front_probability"] >= MARKED)
    table["front_note"] = "; ".join(notes)
    return table


def _mean_correctness(clean: pd.DataFrame, part: pd.DataFrame) -> np.ndarray:
    """(configurations, examples): share of seeds that get the example right."""
    found = correctness(clean)
    seeds = [found.by_seed(key) for key in row_keys(part)]
    absent = sum(not s for s in seeds)
    if absent:
        raise CannotAnswer(
            f"No front probabilities: {absent} of {len(seeds)} configurations do not say which examples they got right."
        )
    return np.stack([np.mean(list(s.values()), axis=0) for s in seeds])


def _log_error(part: pd.DataFrame, name: str) -> tuple[tuple[np.ndarray, np.ndarray], str]:
    """((standard errors of the log mean, degrees of freedom), a note where only within-trial spread is
    known)."""
    base = "latency_ms_per_example" if name.startswith("latency") else "energy_j_per_example"
    what = base.split("_")[0]
    freedom = part[f"{what}_freedom"].to_numpy(dtype=float)
    freedom = np.where(freedom > 0, freedom, np.inf)
    quantile = stdtrit(np.minimum(freedom, LARGE), 0.975)
    relative = (part[f"{base}_ci95"] / part[base]).to_numpy(dtype=float) / quantile
    if np.isfinite(freedom).all():
        note = ""
    elif np.isnan(relative).all():
        note = f"the share counts {what} as exact, since no trial was repeated"
    else:
        note = f"the share knows the spread of {what} within single trials only, since no trial was repeated"
    return (np.nan_to_num(relative), freedom), note


def _draw(
    part: pd.DataFrame,
    objectives: Sequence[str],
    right: np.ndarray | None,
    samplers: dict[str, tuple[np.ndarray, np.ndarray]],
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(size, configurations, objectives), all to be minimised."""
    columns = []
    accuracy = None
    if right is not None:
        n = right.shape[1]
        weights = rng.multinomial(n, np.full(n, 1 / n), size=size)
        accuracy = np.round(weights @ right.T / n, 9)  # rounded: equal predictions must compare equal
    noise: dict[str, np.ndarray] = {}
    for name in objectives:
        goal = OBJECTIVES[name]
        if name == "accuracy" and accuracy is not None:
            columns.append(-accuracy)
        elif name in samplers:
            error, freedom = samplers[name]
            kind = "latency" if name.startswith("latency") else "energy"  # gross, net and per correct vary together
            if kind not in noise:
                uniform = rng.random((size, len(part)))
                noise[kind] = stdtrit(np.minimum(freedom, LARGE), uniform)
            columns.append(np.log(part[name].to_numpy(dtype=float)) + error * noise[kind])
        else:
            columns.append(np.broadcast_to(goal.sign * part[name].to_numpy(dtype=float), (size, len(part))))
    return np.stack(columns, axis=2)
