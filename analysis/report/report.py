"""A written report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.findings.assessment import Assessment


@dataclass(frozen=True)
class Report:
    """What was written, and the results behind it."""

    folder: Path
    html: Path
    markdown: Path
    figures: list[Path]
    rows: pd.DataFrame
    excluded: pd.DataFrame
    assessments: list[Assessment]
    problems: list[str] = field(default_factory=list)  # parts that could not be made, a sentence each
