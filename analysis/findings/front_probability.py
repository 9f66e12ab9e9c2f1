"""How sure a Pareto front is: the probability of each configuration being non-dominated, by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.errors import CannotAnswer
from analysis.findings.configurations import configurations
from analysis.findings.correctness import correctness, row_keys
from analysis.findings.pareto import nondominated, pareto_set
from analysis.statistics.arrays import Floats
from search_spaces.objectives import DEFAULT_OBJECTIVES, OBJECTIVES

MARKED = 0.05  # a configuration off the front whose probability is at least this cannot be told from it
LARGE = 1e6  # degrees of freedom: a normal distribution
CHUNK = 200  # resamples drawn at once: bounds memory at CHUNK x examples
# What is known of how much energy or latency differs: between separate trials, within single ones only, nothing.
BETWEEN_TRIALS, WITHIN_TRIALS, EXACT = "between trials", "within trials", "exact"


def front_probability(
    clean: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    *,
    rng: np.random.Generator,
    resamples: int = 2000,
) -> pd.DataFrame:
    """`configurations(clean)` with front, front_probability, and indistinguishable (off the front, yet non-dominated in
    at least 5 % of the resamples).

    Accuracy: the same examples are drawn for every configuration, so equal predictions stay equal in each resample;
    seeds are averaged. Energy and latency: Student-t around the mean of the log, with the error that makes the headline
    interval of `configurations`: of separate trials, or within them where nothing was repeated (`spreads` says which).
    Peak memory is held fixed. `clean` are valid trials with correct_bits (only needed when accuracy is an objective).
    """
    table = pareto_set(configurations(clean), objectives)
    use = np.flatnonzero((table["not_compared"] == "").to_numpy())
    part = table.iloc[use]
    hits = np.zeros(len(part))
    right = None
    if "accuracy" in objectives:
        right = _mean_correctness(clean, part)
    samplers = {name: _log_error(part, _quantity(name)) for name in objectives if _quantity(name)}
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
    return table


def _mean_correctness(clean: pd.DataFrame, part: pd.DataFrame) -> Floats:
    """(configurations, examples): share of seeds that get the example right."""
    found = correctness(clean)
    seeds = [found.by_seed(key) for key in row_keys(part)]
    absent = sum(not s for s in seeds)
    if absent:
        raise CannotAnswer(
            f"No front probabilities: {absent} of {len(seeds)} configurations do not say which examples they got right."
        )
    return np.stack([np.mean(list(s.values()), axis=0) for s in seeds])


def spreads(table: pd.DataFrame, objectives: Sequence[str] = DEFAULT_OBJECTIVES) -> dict[str, str]:
    """ "energy" and "latency", as far as they are objectives -> BETWEEN_TRIALS, WITHIN_TRIALS or EXACT, over the rows
    that took part. `table`: of `front_probability`."""
    part = table[table["not_compared"] == ""]
    found = {}
    for quantity in dict.fromkeys(filter(None, map(_quantity, objectives))):
        relative, freedom = _log_error(part, quantity)
        known = BETWEEN_TRIALS if np.isfinite(freedom).all() else WITHIN_TRIALS if relative.any() else EXACT
        found[quantity] = known
    return found


def _quantity(objective: str) -> str:
    """What is drawn for an objective: gross, net and per correct answer, energy varies alike. "" for what is not."""
    return next((q for q in ("energy", "latency") if objective.removeprefix("net_").startswith(q)), "")


def _log_error(part: pd.DataFrame, quantity: str) -> tuple[Floats, Floats]:
    """(standard errors of the log mean, 0 where unknown; degrees of freedom, infinite within one trial)."""
    column = {"energy": "energy_j_per_example", "latency": "latency_ms_per_example"}[quantity]
    freedom = part[f"{quantity}_freedom"].to_numpy(dtype=float)
    freedom = np.where(freedom > 0, freedom, np.inf)
    quantile = stdtrit(np.minimum(freedom, LARGE), 0.975)
    relative = (part[f"{column}_ci95"] / part[column]).to_numpy(dtype=float) / quantile
    return np.nan_to_num(relative), freedom


def _draw(
    part: pd.DataFrame,
    objectives: Sequence[str],
    right: Floats | None,
    samplers: dict[str, tuple[Floats, Floats]],
    size: int,
    rng: np.random.Generator,
) -> Floats:
    """(size, configurations, objectives), all to be minimised."""
    columns = []
    accuracy = None
    if right is not None:
        n = right.shape[1]
        weights = rng.multinomial(n, np.full(n, 1 / n), size=size)
        accuracy = np.round(weights @ right.T / n, 9)  # rounded: equal predictions must compare equal
    noise: dict[str, Floats] = {}
    for name in objectives:
        goal = OBJECTIVES[name]
        if name == "accuracy" and accuracy is not None:
            columns.append(-accuracy)
        elif name in samplers:
            error, freedom = samplers[name]
            quantity = _quantity(name)
            if quantity not in noise:
                uniform = rng.random((size, len(part)))
                noise[quantity] = stdtrit(np.minimum(freedom, LARGE), uniform)
            columns.append(np.log(part[name].to_numpy(dtype=float)) + error * noise[quantity])
        else:
            columns.append(np.broadcast_to(goal.sign * part[name].to_numpy(dtype=float), (size, len(part))))
    return np.stack(columns, axis=2)
