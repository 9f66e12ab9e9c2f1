"""What a search found: its history as a table, and why there may be no answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from search_spaces.goal import closest
from tuner.search.history import History


def history_table(history: History) -> pd.DataFrame:
    """One row per trial in the order they ended: trials and device_s count up, hypervolume is after the trial;
    objectives in their units (bounds where pruned)."""
    records = []
    trials, device_s = 0, 0.0
    for outcome, volume in zip(history.outcomes, history.volumes, strict=True):
        trials += not outcome.imported
        device_s += outcome.device_s
        values = outcome.values or dict.fromkeys(history.goal.objectives)
        records.append(
            {
                "trials": trials,
                "device_s": device_s,
                "hypervolume": volume,
                "trial_id": outcome.trial_id,
                "status": outcome.status,
                "feasible": outcome.feasible,
                "imported": outcome.imported,
                **values,
            }
        )
    return pd.DataFrame(records)


def reference_text(history: History) -> str:
    """The reference point in the objectives' own units."""
    if history.reference is None:
        return "no reference point"
    parts = []
    for o, score in zip(history.goal.known, history.reference, strict=True):
        value = o.sign * score
        parts.append(f"{o.name} {10**value if o.log_scale else value:.4g}{' (log)' if o.log_scale else ''}")
    return "the reference point " + ", ".join(parts)


def no_answer(history: History, rows: Sequence[Mapping[str, Any]], path: Path) -> str:
    """Why there is no frontier: what was null, or which limits nothing keeps and what came closest."""
    goal = history.goal
    if not any(outcome.scores for outcome in history.outcomes):
        errors = [r["error"] for r in rows if r["error"]] or ["an objective is null in every row"]
        return (
            f"at least one trial must measure {', '.join(goal.objectives)}, but none of {len(rows)} did: "
            f"{errors[0]}; see {path}"
        )
    limits = ", ".join(f"{limit.option} {limit.value:g}" for limit in goal.limits)
    candidates = ((str(r["trial_id"]), r) for r in rows)
    return (
        f"at least one configuration must keep {limits}, but none of {len(rows)} tried does; "
        f"the closest: {closest(goal, candidates)}; relax a limit"
    )
