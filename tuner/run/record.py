"""What a run folder must still hold to be gone on with: the folders of its trials, if its tables have rows of them.

results.csv and results.parquet are made of the trials' folders after every start. Without these they are the only
record, and a resumed run, which would measure everything again, would write over it.
"""

import csv
import shutil
from pathlib import Path

from search_spaces.errors import UsageError
from trainables.rows.finished import finished_trials
from tuner.run.folder import SEARCH_FILE, STORAGE_FILE

TABLES = ("results.csv", "results.parquet")
SEARCH, GRID = "tuner.search", "tuner.grid"


def kept_tables(run: Path) -> list[Path]:
    """The tables of rows that a run folder holds."""
    return [run / name for name in TABLES if (run / name).is_file()]


def is_stored(run: Path, storage_path: str | None) -> bool:
    """Is there a storage, asked for or known, that what the folder lacks may be fetched from?"""
    return storage_path is not None or (run / STORAGE_FILE).is_file()


def check_kind(run: Path, command: str) -> None:
    """UsageError where the folder's run was started by the other command (SEARCH or GRID)."""
    made_by = SEARCH if (run / SEARCH_FILE).is_file() else GRID
    if made_by != command:
        what = {SEARCH: f"a search, as its {SEARCH_FILE} says", GRID: f"a grid: it has no {SEARCH_FILE}"}[made_by]
        raise UsageError(
            f"{command} goes on with its own runs, but {run} is {what}; go on with it by: python -m {made_by} "
            f"--resume {run}"
        )


def check_record(run: Path) -> None:
    """UsageError where tables are all that is left of a run's rows."""
    tables = kept_tables(run)
    if tables and not finished_trials(run):
        names = " and ".join(table.name for table in tables)
        raise UsageError(
            f"a run is gone on with from the folders of its trials, but {run / 'ray'} holds no finished trial, and "
            f"{names} would be replaced; restore ray/, or start another run with another --output-dir (analysis "
            f"reads {run} as it is)"
        )


def keep_record(run: Path) -> None:
    """Copy the tables aside where they hold trials that have no row any more: they are made anew at the end."""
    table = run / TABLES[0]
    lost = _trials_of(table) - set(finished_trials(run)) if table.is_file() else set()
    if not lost:
        return
    number = 0
    while any((run / _earlier(name, number)).exists() for name in TABLES):
        number += 1
    for kept in kept_tables(run):
        shutil.copy2(kept, run / _earlier(kept.name, number))
    print(
        f"warning: {len(lost)} trials of {table.name} have no row in {run / 'ray'} any more ({min(lost)}); the table "
        f"is kept as {_earlier(table.name, number)}",
        flush=True,
    )


def _earlier(name: str, number: int) -> str:
    stem, _, kind = name.rpartition(".")
    return f"{stem}.before-{number}.{kind}"


def _trials_of(table: Path) -> set[str]:
    """What a table of rows names in its column trial_id; nothing where it cannot be read so."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            return {name for line in csv.DictReader(lines) if (name := line.get("trial_id"))}
    except (OSError, ValueError, csv.Error):
        return set()
