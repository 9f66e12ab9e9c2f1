"""Draw data sets with a known truth, and correct each in every way."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.findings.baseline import find_baseline
from analysis.findings.configurations import configurations, valid
from analysis.findings.correctness import correctness, row_keys
from analysis.rows.cards import load_levelled
from analysis.statistics.arrays import Bools, Floats
from analysis.statistics.multiplicity import holm, max_t
from analysis.statistics.paired import ALPHA, margin_variance, paired_differences
from benchmarks.experiments.multiplicity import Arguments
from benchmarks.lib.output import table, write_json
from benchmarks.redraw import RESULTS
from search_spaces.precisions import PRECISIONS

GRIDS = {
    "SST-2 grid": "2026-11-24-h100-sst2-minilm",
    "SST-2 frontier": "2026-11-27-h200-sst2-twice-minilm",
    "QQP": "2026-11-27-h200-qqp-minilm",
}
TOLERANCES = (0.01, 0.02)
WAYS = ("none", "Holm, all", "Holm, different", "max-T, different", "sequence, energy", "sequence, depth and length")
POINT, EXAMPLES = 0.01, 872
HEAD = (
    "data",
    "tolerance",
    "different",
    "truly kept",
    "correction",
    "false pass",
    "any pass",
    "energy, median",
    "mean",
)


@dataclass(frozen=True)
class Truth:
    """Candidates cheaper than their baseline: +1, 0, -1 per example, energy over the baseline's, and the two orders in
    which a sequence tests them."""

    differences: Floats  # (candidates, examples)
    energy: Floats
    orders: tuple[np.ndarray, np.ndarray]


def run(arguments: Arguments) -> int:
    lines: list[tuple[Any, ...]] = []
    for name, folder in GRIDS.items():
        truth = _recorded(folder)
        for tolerance in TOLERANCES:
            lines += _power(name, truth, tolerance, arguments.sweeps)
    for size in (5, 15, 30):
        for alike in (0.0, 0.9):
            lines += _level(size, alike, arguments.sweeps)
    print(table(HEAD, lines))
    write_json(arguments.output, "multiplicity", [dict(zip(HEAD, line, strict=True)) for line in lines])
    return 0


def _recorded(folder: str) -> Truth:
    clean, _ = valid(load_levelled(RESULTS / folder))
    found = configurations(clean)
    right = correctness(clean)
    bits = np.array([next(iter(right.by_seed(key).values())) for key in row_keys(found)], dtype=float)
    base = list(found.index).index(find_baseline(found))
    energy = found["energy_j_per_example"].to_numpy(dtype=float)
    energy = energy / energy[base]
    at = np.flatnonzero(energy < 1)
    part = found.iloc[at]
    work = part.assign(rank=[PRECISIONS.rank(p) for p in part["precision"]], place=np.arange(len(part)))
    keys = ["depth", "max_seq_len", "rank", "energy_j_per_example"]
    reduced = work.sort_values(keys, ascending=[False, False, True, False])["place"].to_numpy(dtype=int)
    return Truth(bits[at] - bits[base], energy[at], (np.argsort(-energy[at]), reduced))


def _power(name: str, truth: Truth, tolerance: float, sweeps: int) -> list[tuple[Any, ...]]:
    kept = truth.differences.mean(axis=1) > -tolerance + 1e-12
    examples = truth.differences.shape[1]
    rng = np.random.default_rng(1)
    drawn = [truth.differences[:, rng.integers(0, examples, examples)] for _ in range(sweeps)]
    return _lines(name, tolerance, drawn, kept, truth.energy, truth.orders)


def _level(size: int, alike: float, sweeps: int) -> list[tuple[Any, ...]]:
    """1 % of the examples gained, 2 % lost; `alike`: the share of examples on which all flip together."""
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(sweeps):
        own, common = rng.random((size, EXAMPLES)), rng.random(EXAMPLES)
        flips = np.where(rng.random(EXAMPLES) < alike, common, own)
        drawn.append(np.where(flips < POINT, 1.0, np.where(flips < 3 * POINT, -1.0, 0.0)))
    order = np.arange(size)
    name = f"{size} at -1 point, {'mostly alike' if alike else 'independent'}"
    return _lines(name, POINT, drawn, np.zeros(size, dtype=bool), np.full(size, 0.5), (order, order))


def _lines(
    name: str, tolerance: float, drawn: list[Floats], kept: Bools, energy: Floats, orders: tuple[np.ndarray, np.ndarray]
) -> list[tuple[Any, ...]]:
    passes = [_passes(differences, tolerance, orders) for differences in drawn]
    best = energy[kept].min() if kept.any() else 1.0
    different = int(np.median([len(np.unique(d, axis=0)) for d in drawn[:20]]))
    lines = []
    for i, way in enumerate(WAYS):
        passed = np.array([p[i] for p in passes])
        chosen = np.where(passed, energy, 1.0).min(axis=1) / best
        false, found = (passed & ~kept).any(axis=1).mean(), passed.any(axis=1).mean()
        lines.append((name, tolerance, different, int(kept.sum()), way, false, found, np.median(chosen), chosen.mean()))
    return lines


def _passes(differences: Floats, tolerance: float, orders: tuple[np.ndarray, np.ndarray]) -> list[Bools]:
    """Who passes, (candidates,), for each of WAYS."""
    n = differences.shape[1]
    gained, lost = ((differences * sign > 0).sum(axis=1).astype(float) for sign in (1, -1))
    p = paired_differences(gained, lost, n, tolerance).p_worse
    _, first, which = np.unique(differences, axis=0, return_index=True, return_inverse=True)
    variance = margin_variance(np.full(len(p), -tolerance), gained, lost, n)
    largest = max_t(p[first], differences[first], variance[first])[which.ravel()]
    corrected = [p, holm(p), holm(p[first])[which.ravel()], largest]
    return [q <= ALPHA for q in corrected] + [_in_sequence(p, order) for order in orders]


def _in_sequence(p: Floats, order: np.ndarray) -> Bools:
    """Each passes at the full level while all before it have."""
    passed = np.zeros(len(p), dtype=bool)
    passed[order] = np.cumprod(p[order] <= ALPHA).astype(bool)
    return passed
