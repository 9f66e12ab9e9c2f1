"""Reports of made-up runs, and what their pages hold."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.report.build import build_report
from analysis.report.report import Report
from tests.make import runs as fabricated

NASTY = "<script>window.pwned=1</script><img src=x onerror=alert(1)>\"'&"
SMALL: dict[str, Any] = {"lengths": (16, 48, 64, 128), "depths": (10, 12)}
PARTS = ("Frontiers", "Every configuration", "Energy models", "Against the card", "Audit of claims")
PAGE_PARTS = ("Flags and exclusions", "Environment", "How it was measured")


class Tags(HTMLParser):
    """Tag names with their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    return parser.found


def report_of(folder: Path, rows: pd.DataFrame, **settings: Any) -> tuple[Report, str]:
    fabricated.write_csv_run(folder, rows)
    report = build_report([folder], bootstrap=False, **settings)
    return report, report.html.read_text(encoding="utf-8")
