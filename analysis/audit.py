"""Check claims about energy against rows: `python -m analysis.audit [--rows FILE] [--claims FILE] [--json]`.

Without arguments it audits the published experiment that Jouletune repeats: its text against its own tables.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from analysis.cli import Reading, column_mapping, run
from analysis.findings.claims import (
    ACCURACY_TOLERANCE,
    PUBLISHED_COLUMNS,
    RATIO_TOLERANCE,
    Claims,
    Finding,
    check_claims,
    load_claims,
    render,
)
from search_spaces.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


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
    tolerance: float = ACCURACY_TOLERANCE
    """Accuracy counts as unchanged down to a loss of this fraction."""
    json: bool = False
    """Print a list of objects instead of the table."""


def audit(
    rows: pd.DataFrame | str | Path | None = None,
    claims: Claims | str | Path | None = None,
    *,
    ratio_tolerance: float = RATIO_TOLERANCE,
    accuracy_tolerance: float = ACCURACY_TOLERANCE,
) -> list[Finding]:
    """Check claims against rows (a DataFrame of `analysis.rows.load`, or a path); the published ones where not
    given."""
    from analysis.rows.cards import load_levelled

    known = claims if isinstance(claims, Claims) else load_claims(claims)
    if rows is None:
        if known.rows is None:
            raise UsageError("an audit needs rows, but neither --rows nor the claims file names any; give --rows FILE")
        rows = load_levelled(known.rows, columns=PUBLISHED_COLUMNS)
    elif isinstance(rows, (str, Path)):
        rows = load_levelled(rows)
    return check_claims(rows, known, ratio_tolerance, accuracy_tolerance)


def _main(arguments: Arguments) -> int:
    from analysis.rows.cards import load_levelled

    claims = load_claims(arguments.claims)
    columns = column_mapping(arguments.columns)
    rows = load_levelled(*arguments.rows, columns=columns) if arguments.rows else None
    findings = audit(rows, claims, ratio_tolerance=arguments.ratio_tolerance, accuracy_tolerance=arguments.tolerance)
    if arguments.json:
        print(json.dumps([f.to_dict() for f in findings], indent=1, allow_nan=False))
        return 0
    print(render(findings))
    if not arguments.rows and claims.rows_source:
        print(f"\nRows: {claims.rows_source}")
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(_main, Arguments, "python -m analysis.audit", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
