"""From rows to the report."""

from pathlib import Path

from analysis.report.build import build_report


def measure(file: Path, distinct: bool) -> str:
    """The whole report, bootstrap aside; how much that was."""
    report = build_report([file], bootstrap=False)
    return f"{len(report.figures)} figure files, report.html of {report.html.stat().st_size / 1e6:.1f} MB"
