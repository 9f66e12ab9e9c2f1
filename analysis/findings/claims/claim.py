"""A claim about energy as data, and the file that holds claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from trainables.rows.check import is_number, is_text

DATA = Path(__file__).parents[2] / "data"
PUBLISHED = DATA / "published_claims.json"
PUBLISHED_COLUMNS = {"peak_gpu_memory_mb": "peak_gpu_memory_mib"}  # the published figures are MiB

RATIO_TOLERANCE = 0.15  # "about 4x" is met by 3.4x and more
SENSOR_AVERAGING_S = 1.0


@dataclass(frozen=True)
class Claim:
    """Going from one configuration to another divides `column` by `claimed_ratio`, accuracy unchanged or not."""

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


def load_claims(file: str | Path | None = None) -> Claims:
    """Claims from a JSON file: a list of claims, or an object with "claims" (see data/published_claims.json).

    Raises UsageError where the file cannot be read or a claim is not one.
    """
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
        claim=data.get("claim") or f"{spell(start)} -> {spell(to)}",
        start=start,
        to=to,
        claimed_ratio=float(ratio),
        accuracy_unchanged=unchanged,
        sweep=data.get("sweep"),
        tasks=tuple(tasks),
        column=data.get("column") or "energy_j_per_example",
    )


def spell(side: Mapping[str, Any]) -> str:
    """ "precision fp32, max_seq_len 128"."""
    return ", ".join(f"{k} {v}" for k, v in side.items())
