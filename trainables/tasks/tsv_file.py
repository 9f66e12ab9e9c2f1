"""A strict reader of labelled TSV files: what is wrong, in which line, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import UsageError, check
from trainables.tasks.base import Split

FILES: dict[Split, str] = {"train": "train.tsv", "validation": "dev.tsv"}


@dataclass(frozen=True)
class Table:
    """Columns of a file by name; row i is line i + 2."""

    path: Path
    columns: dict[str, list[str]]

    def require(self, *alternatives: tuple[str, ...]) -> tuple[str, ...]:
        """The first of the alternatives whose columns are all there."""
        for names in alternatives:
            if set(names) <= self.columns.keys():
                return names
        wanted = " or ".join(", ".join(names) for names in alternatives)
        raise UsageError(
            f"{self.path}:1: the header line must name the columns {wanted}, separated by tabs, "
            f"but got {', '.join(self.columns)!r}; add or rename columns"
        )

    def texts(self, column: str) -> tuple[str, ...]:
        for line, text in enumerate(self.columns[column], start=2):
            if not text.strip():
                raise UsageError(f"{self.path}:{line}: {column} is empty; fill it in or remove the line")
        return tuple(self.columns[column])

    def labels(self, num_labels: int | None = None) -> list[int]:
        """The column `label` as integers from 0, below `num_labels` where it is known."""
        highest = "n-1" if num_labels is None else num_labels - 1
        for line, label in enumerate(self.columns["label"], start=2):
            integer = label.isascii() and label.isdigit()
            check(
                integer and (num_labels is None or int(label) < num_labels),
                f"{self.path}:{line}: label must be an integer 0..{highest}",
                label,
                "number the classes from 0",
            )
        return [int(label) for label in self.columns["label"]]


def read_tsv(path: Path) -> Table:
    """A UTF-8 file with a header line and one example per line, its fields separated by tabs, never quoted.

    Raises UsageError, with file and line, for a missing file, a line whose number of fields is not the
    header's, and bytes that are not UTF-8.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; the folder must hold train.tsv and dev.tsv")
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    rows = [_fields(path, number, line) for number, line in enumerate(lines, start=1)]
    if len(rows) < 2:
        raise UsageError(f"{path} holds no examples; it needs a header line and one line per example")
    for number, row in enumerate(rows, start=1):
        check(
            len(row) == len(rows[0]),
            f"{path}:{number}: a line must have {len(rows[0])} fields separated by tabs, as the header has",
            len(row),
            "remove tabs and line breaks within the text",
        )
    return Table(path, {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])})


def _fields(path: Path, number: int, line: bytes) -> list[str]:
    try:
        return line.decode("utf-8").removesuffix("\r").split("\t")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}:{number}: not UTF-8 ({error.reason}); convert the file to UTF-8") from error
