"""The environment of a run, flattened for a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.words.rounding import MISSING


def environment_rows(found: Mapping[str, Any], limit: int = 120) -> list[tuple[str, str]]:
    """environment.json as (key path, value): {"gpus": [{"name": "x"}]} -> ("gpus 0 name", "x")."""
    rows: list[tuple[str, str]] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{prefix} {key}".strip(), inner)
        elif isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
            for i, inner in enumerate(value):
                walk(f"{prefix} {i}".strip(), inner)
        elif isinstance(value, list):
            rows.append((prefix, " ".join(map(str, value)) or MISSING))
        elif value is None or (isinstance(value, float) and not math.isfinite(value)):
            rows.append((prefix, MISSING))
        else:
            rows.append((prefix, str(value)))

    walk("", found)
    if len(rows) > limit:
        rows = [*rows[:limit], ("", f"and {len(rows) - limit} more in environment.json")]
    return rows
