"""What rows say about claims, in words: the reasons of a verdict, and a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from analysis.findings.claims.finding import Finding
from analysis.findings.verdict import FAILS, HOLDS


def reasons(finding: Finding) -> list[str]:
    """Why the verdict is what it is, a phrase each."""
    f = finding
    if f.problem or f.measured_ratio is None:
        return [f.problem]
    found = []
    if f.accuracy_lost and f.accuracy_change is not None:
        found.append(f"accuracy falls by {-100 * f.accuracy_change:.1f} points")
    if f.too_small:
        found.append(f"the rows give {f.measured_ratio:.3g}x, not {f.claimed_ratio:g}x")
        if f.doubtful and f.inflated:
            found.append("and even that is inflated")
    elif f.perhaps_too_small:
        found.append(f"the interval {f.ratio_low:.3g} to {f.ratio_high:.3g}x includes values below the claim")
    if f.doubtful or f.verdict == FAILS:
        return found + _doubts(f)
    if f.verdict == HOLDS:
        no_interval = ", one row each: no interval" if f.ratio_low is None else ""
        found.append(f"the rows give {f.measured_ratio:.3g}x{no_interval}")
    elif not f.perhaps_too_small:
        found.append("accuracy is unknown")
    return found


def _doubts(f: Finding) -> list[str]:
    """Why the energies themselves cannot be trusted."""
    found = []
    if f.window_s is None:
        found.append("the lengths of the windows are unknown")
    elif f.short_windows:
        found.append(
            f"windows of {' and '.join(f'{w:.2g} s' for w in f.short_windows)} are shorter than the sensor's "
            f"{f.sensor_averaging_s:g} s average, which understates their energy"
        )
    if f.flags:
        found.append(f"flags {', '.join(f.flags)}")
    return found


def as_dict(finding: Finding) -> dict[str, Any]:
    """What `python -m analysis.audit --json` prints: plain values, null where unknown."""
    f = finding
    return {
        "claim": f.claim,
        "task": f.task,
        "claimed_ratio": f.claimed_ratio,
        "measured_ratio": f.measured_ratio,
        "accuracy_change": f.accuracy_change,
        "verdict": f.verdict,
        "reasons": reasons(f),
        "ratio_low": f.ratio_low,
        "ratio_high": f.ratio_high,
        "interval_kind": f.interval_kind,
        "window_s": f.window_s,
        "mean_power_w": f.mean_power_w,
        "trustworthy": f.trustworthy,
    }


def text_table(findings: Iterable[Finding]) -> str:
    """One line per finding, its reasons below."""
    head = ("task", "claim", "claimed", "rows", "accuracy", "windows", "verdict")
    found = list(findings)
    lines = [head, *map(_cells, found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    texts = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    out = [texts[0], "-" * len(texts[0])]
    for text, finding in zip(texts[1:], found, strict=True):
        out += [text, f"    {'; '.join(reasons(finding))}"]
    return "\n".join(out)


def _cells(f: Finding) -> tuple[str, ...]:
    ratio = "-" if f.measured_ratio is None else f"{f.measured_ratio:.1f}x"
    if f.ratio_low is not None and f.ratio_high is not None:
        ratio += f" ({f.ratio_low:.1f}-{f.ratio_high:.1f})"
    change = "-" if f.accuracy_change is None else f"{100 * f.accuracy_change:+.1f} pt"
    windows = "-"
    if f.window_s is not None:
        windows = " / ".join(f"{w:.2g} s" if w < 10 else f"{w:.0f} s" for w in f.window_s)
    return (f.task, f.claim, f"{f.claimed_ratio:g}x", ratio, change, windows, f.verdict)
