"""Published claims against rows, as a page shows them."""

from __future__ import annotations

import dataclasses
import functools

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.claims.check import audit, check_claims
from analysis.findings.claims.claim import load_claims
from analysis.findings.claims.finding import Finding
from analysis.findings.slices import several_models
from analysis.findings.verdict import FAILS, HOLDS
from analysis.words.claims import reasons
from analysis.words.rounding import MISSING, format_interval, points_change
from search_spaces.axes import AXES


def audit_of(assessment: Assessment) -> list[Finding]:
    """The published claims against this run's own rows, at the baseline's full depth and other settings."""
    claims, baseline = load_claims(), assessment.baseline
    free = ("precision", "max_seq_len", *(() if several_models(assessment.table) else ("model",)))
    fixed = {a: baseline[a] for a in AXES if a not in free and pd.notna(baseline[a])}
    own = [
        dataclasses.replace(c, start=c.start | fixed, to=c.to | fixed, tasks=(str(baseline["task"]),), sweep=None)
        for c in claims.claims
    ]
    return check_claims(assessment.clean, dataclasses.replace(claims, claims=own))


@functools.cache
def published_findings() -> list[Finding]:
    """The published experiment's claims against its own rows: the same in every report, so found once."""
    return audit()


def finding_words(finding: Finding) -> dict[str, str]:
    """A finding as table cells."""
    change = MISSING if finding.accuracy_change is None else points_change(finding.accuracy_change, None)
    return {
        "claim": finding.claim,
        "task": finding.task,
        "claimed": f"{finding.claimed_ratio:g}×",
        "measured": format_interval(finding.measured_ratio, finding.ratio_low, finding.ratio_high, "×"),
        "change": change,
        "verdict": finding.verdict,
        "badge": {HOLDS: "good", FAILS: "bad"}.get(finding.verdict, "unsure"),
        "reasons": "; ".join(reasons(finding)),
    }
