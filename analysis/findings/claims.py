"""A claim about energy as data, checked against rows of one sweep."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.errors import UsageError
from trainables.rows.check import is_number, is_text
from trainables.rows.flags import SHORT_WINDOW, invalid_among

if TYPE_CHECKING:
    import pandas as pd

DATA = Path(__file__).parents[1] / "data"
PUBLISHED = DATA / "published_claims.json"
PUBLISHED_COLUMNS = {"peak_gpu_memory_mb": "peak_gpu_memory_mib"}  # the published figures are MiB

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"
RATIO_TOLERANCE = 0.15  # "about 4x" is met by 3.4x and more
ACCURACY_TOLERANCE = 0.01  # "unchanged" means at most one point lost
SENSOR_AVERAGING_S = 1.0
AVERAGED = (  # over the trials of a configuration: what a claim may be about
    "energy_j_per_example",
    "net_energy_j_per_example",
    "latency_ms_per_example",
    "mean_power_w",
    "peak_gpu_memory_mib",
    "tokens_per_example",
)


@dataclass(frozen=True)
class Claim:
    """Going from one configuration to another divides `column` by `claimed_ratio`, accuracy unchanged or
    not."""

    claim: str
    start: dict[str, Any]  # "from" in the file
    to: dict[str, Any]
    claimed_ratio: float
    accuracy_unchanged: bool = True
    sweep: str | None = None
    tasks: tuple[str, ...] = ()  # checked on each; empty: on every task of the rows
    column: str = "energy_j_per_example"


@dataclass(frozen=True)
class Claims:
    claims: list[Claim]
    sensor_averaging_s: float = SENSOR_AVERAGING_S
    rows: Path | None = None
    rows_source: str = ""


@dataclass(frozen=True)
class Finding:
    """What the rows say about one claim on one task. Ratios are None where a row is missing."""

    claim: str
    task: str
    claimed_ratio: float
    measured_ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    interval_kind: str
    accuracy_change: float | None  # fraction, "to" minus "from"
    window_s: tuple[float, float] | None  # shortest windows of "from" and "to"
    mean_power_w: tuple[float, float] | None
    trustworthy: bool  # windows long enough for the sensor, no invalid flag
    verdict: str
    reasons: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """claim, task, claimed_ratio, measured_ratio, accuracy_change, verdict, reasons first; null, never
        NaN."""
        first = ("claim", "task", "claimed_ratio", "measured_ratio", "accuracy_change", "verdict", "reasons")
        rest = ("ratio_low", "ratio_high", "interval_kind", "window_s", "mean_power_w", "trustworthy")
        return {name: getattr(self, name) for name in (*first, *rest)}


def load_claims(file: str | Path | None = None) -> Claims:
    """Claims from a JSON file: a list of claims, or an object with "claims" (see
    data/published_claims.json)."""
    path = Path(file) if file else PUBLISHED
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--claims must name a readable file, but {path}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--claims must be JSON, but {path}: {error}; see analysis/data/published_claims.json"
        ) from error
    data = {"claims": data} if isinstance(data, list) else data
    if not isinstance(data, dict) or not isinstance(data.get("claims"), list) or not data["claims"]:
        raise UsageError(f'{path} must hold a list of claims (or an object with "claims"), but holds none; add one')
    rows = data.get("rows")
    if rows and not (
        is_text(rows) and "\x00" not in rows and (path.parent / rows).resolve().parent == path.parent.resolve()
    ):
        raise UsageError(f"the rows of claims must be a file beside {path}, but it names {rows!r}; give --rows")
    averaging_s = data.get("sensor_averaging_s", SENSOR_AVERAGING_S)
    if not is_number(averaging_s) or averaging_s < 0:
        raise UsageError(f"sensor_averaging_s must be seconds from 0 up, but {path} has {averaging_s!r}")
    return Claims(
        [_claim(c, i, path) for i, c in enumerate(data["claims"])],
        float(averaging_s),
        path.parent / rows if rows else None,
        str(data.get("rows_source", "")),
    )


def _claim(data: Any, number: int, path: Path) -> Claim:
    needed = ("from", "to", "claimed_ratio")
    missing = [k for k in needed if not isinstance(data, dict) or k not in data]
    if missing:
        raise UsageError(
            f"a claim must have {', '.join(needed)}, but number {number} of {path} lacks {', '.join(missing)}"
        )
    known = {"claim", *needed, "accuracy_unchanged", "sweep", "task", "tasks", "column"}
    unknown = sorted(set(data) - known)
    if unknown:
        raise UsageError(
            f"a claim must have only {', '.join(sorted(known))}, but number {number} of {path} has {unknown}"
        )
    ratio = data["claimed_ratio"]
    if not is_number(ratio) or ratio <= 0:
        raise UsageError(f"claimed_ratio must be a number above zero, but number {number} of {path} has {ratio!r}")
    for side in ("from", "to"):
        values = data[side].values() if isinstance(data[side], dict) else ()
        if not values or not all(is_text(v) or is_number(v) for v in values):
            raise UsageError(f"{side} must give columns and values, but number {number} of {path} has {data[side]!r}")
    tasks = data.get("tasks", [data["task"]] if "task" in data else [])
    unchanged = data.get("accuracy_unchanged", False)
    if not isinstance(tasks, list) or not isinstance(unchanged, bool):
        raise UsageError(
            f"tasks must be a list and accuracy_unchanged true or false, but number {number} of {path} has "
            f"{tasks!r} and {unchanged!r}"
        )
    texts = [("claim", data.get("claim")), ("sweep", data.get("sweep")), ("column", data.get("column"))]
    for name, text in (*texts, *(("a task", task) for task in tasks)):
        if not is_text(text) and not (text is None and name != "a task"):
            raise UsageError(f"{name} must be text, but number {number} of {path} has {text!r}")
    start, to = data["from"], data["to"]
    return Claim(
        claim=data.get("claim") or f"{_spell(start)} -> {_spell(to)}",
        start=start,
        to=to,
        claimed_ratio=float(ratio),
        accuracy_unchanged=unchanged,
        sweep=data.get("sweep"),
        tasks=tuple(tasks),
        column=data.get("column") or "energy_j_per_example",
    )


def check_claims(
    rows: pd.DataFrame,
    claims: Claims,
    ratio_tolerance: float = RATIO_TOLERANCE,
    accuracy_tolerance: float = ACCURACY_TOLERANCE,
) -> list[Finding]:
    """One finding per claim and task, task by task in the order of the claims."""
    tasks = list(dict.fromkeys(t for c in claims.claims for t in (c.tasks or tuple(rows["task"].dropna().unique()))))
    return [
        _check(rows, claim, task, claims.sensor_averaging_s, ratio_tolerance, accuracy_tolerance)
        for task in tasks
        for claim in claims.claims
        if not claim.tasks or task in claim.tasks
    ]


def _check(
    rows: pd.DataFrame, claim: Claim, task: str, averaging_s: float, ratio_tolerance: float, accuracy_tolerance: float
) -> Finding:
    from analysis.findings.configurations import configurations, valid, with_intervals
    from analysis.statistics.intervals import Ratio, ratio

    def unknown(reason: str) -> Finding:
        none = (None, None, None, "none", None, None, None)
        return Finding(claim.claim, task, claim.claimed_ratio, *none, False, UNKNOWN, [reason])

    pool = rows[rows["task"] == task]
    if pool.empty:
        return unknown(f"no row of {task}")
    if claim.sweep and "sweep" in pool:
        pool = pool[pool["sweep"] == claim.sweep]
    for column in (claim.column, *claim.start, *claim.to):
        if column not in pool:
            raise UsageError(
                f"the rows must have the columns the claim names, but lack {column!r}; map it with --columns"
            )
    if claim.column not in AVERAGED:
        raise UsageError(
            f"a claim must be about one of {', '.join(AVERAGED)}, but {claim.claim!r} names {claim.column!r}"
        )
    sides = []
    for side in (claim.start, claim.to):
        found = _match(pool, side)
        usable = found[(found["status"] == "ok") & (found[claim.column] > 0)]
        if usable.empty:
            return unknown(f"no {'usable ' if len(found) else ''}row with {_spell(side)}")
        table = configurations(usable)
        if len(table) > 1:
            return unknown(
                f"{len(table)} different configurations (or sweeps, cards) match {_spell(side)}, and are not "
                f"averaged: "
                f"{'; '.join(table['configuration'].head(3))}; name more columns in the claim"
            )
        sides.append((usable, table))
    first, second = (table.iloc[0] for _, table in sides)
    mixed = [c for c in ("gpu_name", "energy_source", "sweep") if c in pool and _differ(first.get(c), second.get(c))]
    if mixed:
        return unknown(f"the two rows differ in {', '.join(mixed)}: a ratio across them means nothing")

    import pandas as pd

    # How much trials differ is told by all replicates of the rows, not by those of the two configurations alone.
    rest, _ = valid(pool[~pool.index.isin([label for usable, _ in sides for label in usable.index])])
    tables = [*(table for _, table in sides), *([configurations(rest)] if len(rest) else [])]
    together = with_intervals(pd.concat(tables, ignore_index=True))
    first, second = together.iloc[0], together.iloc[1]
    value = float(first[claim.column]) / float(second[claim.column])
    interval = Ratio(value, math.nan, math.nan, "none")
    if claim.column in ("energy_j_per_example", "latency_ms_per_example"):
        interval = ratio(first, second, claim.column)
    windows = _pair(first, second, "window_s")
    change = None
    if not (pd.isna(first["accuracy"]) or pd.isna(second["accuracy"])):
        change = float(second["accuracy"] - first["accuracy"])
    doubts = _doubts(first, second, windows, averaging_s)
    verdict, reasons = _verdict(
        claim, interval, change, doubts, windows, averaging_s, ratio_tolerance, accuracy_tolerance
    )
    return Finding(
        claim=claim.claim,
        task=task,
        claimed_ratio=claim.claimed_ratio,
        measured_ratio=value,
        ratio_low=_number(interval.low),
        ratio_high=_number(interval.high),
        interval_kind=interval.kind,
        accuracy_change=change,
        window_s=windows,
        mean_power_w=_pair(first, second, "mean_power_w"),
        trustworthy=not doubts,
        verdict=verdict,
        reasons=reasons,
    )


def _verdict(
    claim: Claim,
    interval: Any,
    change: float | None,
    doubts: list[str],
    windows: tuple[float, float] | None,
    averaging_s: float,
    ratio_tolerance: float,
    accuracy_tolerance: float,
) -> tuple[str, list[str]]:
    """A short window on the "to" side understates that energy and so inflates the ratio: a ratio that is too
    small even so refutes the claim, one that is large enough proves nothing."""
    needed = claim.claimed_ratio * (1 - ratio_tolerance)
    value = interval.value
    high = interval.high if math.isfinite(interval.high) else value
    low = interval.low if math.isfinite(interval.low) else value
    reasons = []
    lost = claim.accuracy_unchanged and change is not None and change < -accuracy_tolerance
    if lost and change is not None:
        reasons.append(f"accuracy falls by {-100 * change:.1f} points")
    only_inflated = windows is not None and windows[0] >= averaging_s
    if high < needed:
        reasons.append(f"the rows give {value:.3g}x, not {claim.claimed_ratio:g}x")
        if doubts and only_inflated:
            reasons.append("and even that is inflated")
        settled = not doubts or only_inflated
    else:
        settled = False
        if low < needed:
            reasons.append(f"the interval {low:.3g} to {high:.3g}x includes values below the claim")
    if lost or settled:
        return FAILS, reasons + doubts
    if doubts:
        return UNKNOWN, reasons + doubts
    if low < needed:
        return UNKNOWN, reasons
    if claim.accuracy_unchanged and change is None:
        return UNKNOWN, [*reasons, "accuracy is unknown"]
    reasons.append(
        f"the rows give {value:.3g}x" + ("" if math.isfinite(interval.low) else ", one row each: no interval")
    )
    return HOLDS, reasons


def _doubts(first: Any, second: Any, windows: tuple[float, float] | None, averaging_s: float) -> list[str]:
    """Why the energies themselves cannot be trusted."""
    out = []
    if windows is None:
        out.append("the lengths of the windows are unknown")
    else:
        short = [f"{w:.2g} s" for w in windows if w < averaging_s]
        if short:
            out.append(
                f"windows of {' and '.join(short)} are shorter than the sensor's {averaging_s:g} s average, "
                f"which "
                f"understates their energy"
            )
    flags = {name for side in (first, second) for name in invalid_among(str(side["flags"]))}
    if windows is not None:
        flags.discard(SHORT_WINDOW)  # said above, with the lengths
    if flags:
        out.append(f"flags {', '.join(sorted(flags))}")
    return out


def _match(pool: pd.DataFrame, wanted: Mapping[str, Any]) -> pd.DataFrame:
    for column, value in wanted.items():
        pool = pool[pool[column] == value]
    return pool


def _differ(a: Any, b: Any) -> bool:
    import pandas as pd

    return not (pd.isna(a) and pd.isna(b)) and a != b


def _pair(first: Any, second: Any, column: str) -> tuple[float, float] | None:
    values = (float(first[column]), float(second[column]))
    return values if all(map(math.isfinite, values)) else None


def _spell(side: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in side.items())


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def render(findings: Iterable[Finding]) -> str:
    """A table for people: one line per finding, its reasons below."""
    head = ("task", "claim", "claimed", "rows", "accuracy", "windows", "verdict")
    lines, notes = [head], []
    for f in findings:
        ratio = "-" if f.measured_ratio is None else f"{f.measured_ratio:.1f}x"
        if f.ratio_low is not None and f.ratio_high is not None:
            ratio += f" ({f.ratio_low:.1f}-{f.ratio_high:.1f})"
        change = "-" if f.accuracy_change is None else f"{100 * f.accuracy_change:+.1f} pt"
        windows = (
            "-" if f.window_s is None else " / ".join(f"{w:.2g} s" if w < 10 else f"{w:.0f} s" for w in f.window_s)
        )
        lines.append((f.task, f.claim, f"{f.claimed_ratio:g}x", ratio, change, windows, f.verdict))
        notes.append("; ".join(f.reasons))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = []
    for i, line in enumerate(lines):
        out.append("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip())
        out.append("-" * len(out[0]) if i == 0 else f"    {notes[i - 1]}")
    return "\n".join(out)
