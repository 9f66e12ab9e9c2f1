"""Check claims about energy against rows: `python -m analysis.audit [--rows FILE] [--claims FILE] [--json]`.

Without arguments it audits the published experiment that Jouletune repeats: its text against its own tables.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from analysis.cli import Reading, column_mapping, run
from analysis.findings.claims.claim import RATIO_TOLERANCE, load_claims
from search_spaces.objectives import TOLERANCE


@dataclass(frozen=True)
class Arguments(Reading):
    rows: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH ...")] = ()
    """Run folders, CSV or Parquet files; none: the published rows."""
    claims: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """JSON of claims; none: the published claims."""
    columns: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS ...")] = ()
    """Names of the columns where they differ from the documented ones."""
    ratio_tolerance: float = RATIO_TOLERANCE
    """A claim of 4x is met from 4 x (1 - this) on."""
    tolerance: float = TOLERANCE
    """Accuracy counts as unchanged down to a loss of this fraction."""
    json: bool = False
    """Print a list of objects instead of the table."""


def _main(arguments: Arguments) -> int:
    from analysis.findings.claims.check import audit  # here, so that --help needs no pandas
    from analysis.rows.cards import load_levelled
    from analysis.words.claims import as_dict, text_table

    claims = load_claims(arguments.claims)
    columns = column_mapping(arguments.columns)
    rows = load_levelled(*arguments.rows, columns=columns) if arguments.rows else None
    findings = audit(rows, claims, ratio_tolerance=arguments.ratio_tolerance, accuracy_tolerance=arguments.tolerance)
    if arguments.json:
        print(json.dumps([as_dict(f) for f in findings], indent=1, allow_nan=False))
        return 0
    print(text_table(findings))
    if not arguments.rows and claims.rows_source:
        print(f"\nRows: {claims.rows_source}")
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.audit", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
