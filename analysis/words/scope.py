"""What a headline's energy covers and what it leaves out; what the host spends beside it."""

from __future__ import annotations

import pandas as pd

from analysis.findings.recommend import Recommendation
from analysis.words.rounding import format_with_uncertainty
from search_spaces.backends import BACKENDS
from trainables.energy.sources import SOURCES, WATTS_PER_CORE

UNKNOWN = "What its energy covers, the table does not say."


def sentence(r: Recommendation) -> str:
    """To stand under every headline."""
    names = r.table["energy_source"].dropna().unique()
    scopes = {SOURCES[name].scope for name in names if name in SOURCES}
    known = len(names) > 0 and len(scopes) == 1 and all(name in SOURCES for name in names)
    return f"Energy is {scopes.pop()}." if known else UNKNOWN


def recipes(r: Recommendation) -> list[str]:
    """Of the backends that were tried, what some compute otherwise than the model says."""
    tried = set(r.table["backend"]) if "backend" in r.table else set()
    return [f"{b.name} computes {b.recipe}." for b in BACKENDS.values() if b.name in tried and b.recipe]


def beside(r: Recommendation) -> list[str]:
    """What else the reference's inferences cost, as far as it was measured: nothing of a processor's own run."""
    row = r.reference
    joules = _of(row, "host_energy_j_per_example_estimate")
    lines = []
    if joules is not None:
        launch, tokens = (_of(row, f"{what}_cpu_s_per_example") for what in ("host", "tokenising"))
        lines.append(
            f"Beside it the measuring process took {_us(launch)} of CPU time per example, tokenising {_us(tokens)}. "
            f"At {WATTS_PER_CORE:g} W a core that is an estimate of {_mj(joules)}, which is in no other number."
        )
    idle = _of(row, "idle_share")
    if idle is not None:
        lines.append(f"Of its energy {100 * idle:.0f} % is what the idle device draws in that time.")
    return lines


def _of(row: pd.Series, name: str) -> float | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else float(value)


def _us(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else format_with_uncertainty(1e6 * seconds, unit="us")


def _mj(energy_j: float) -> str:
    return format_with_uncertainty(1e3 * energy_j, unit="mJ")
