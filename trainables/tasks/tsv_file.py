"""A strict reader of labelled TSV files: what is wrong, in which line, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import UsageError, check


@dataclass(frozen=True)
class Table:
    """Columns of a file by name; row i is line i + 2."""

    path: Path
    columns: dict[str, list[str]]

    def texts(self, column: str) -> tuple[str, ...]:
        for line, text in enumerate(self.columns[column], start=2):
            if not text.strip():
                raise UsageError(f"{self.path}:{line}: {column} is empty; fill it in or remove the line")
        return tuple(self.columns[column])

    def labels(self, column: str = "label") -> list[int]:
        """Integers from 0."""
        for line, label in enumerate(self.columns[column], start=2):
            check(
                label.isascii() and label.isdigit(),
                f"{self.path}:{line}: {column} must be an integer 0..n-1",
                label,
                "number the classes from 0",
            )
        return [int(label) for label in self.columns[column]]

    def check_labels(self, labels: list[int], num_labels: int) -> None:
        for line, label in enumerate(labels, start=2):
            check(
                label < num_labels,
                f"{self.path}:{line}: label must be an integer 0..{num_labels - 1}",
                label,
                "correct the label",
            )


def read_tsv(path: Path, wanted: tuple[str, ...]) -> Table:
    """The wanted columns of a UTF-8 file with a header line, fields separated by tabs and never quoted.

    Raises UsageError, with file and line, for a missing file or column, a line whose number of fields is not
    the header's, and bytes that are not UTF-8.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; the folder must hold train.tsv and dev.tsv")
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    rows = [_fields(path, number, line) for number, line in enumerate(lines, start=1)]
    header = rows[0] if rows else [""]
    for name in wanted:
        check(
            name in header,
            f"{path}:1: the header line must name the columns {', '.join(wanted)}, separated by tabs",
            "\t".join(header),
            f"add or rename the column {name}",
        )
    if len(rows) < 2:
        raise UsageError(f"{path} holds no examples; add one per line below the header")
    for number, row in enumerate(rows, start=1):
        check(
            len(row) == len(header),
            f"{path}:{number}: a line must have {len(header)} fields separated by tabs, as the header has",
            len(row),
            "remove tabs and line breaks within the text",
        )
    return Table(path, {name: [row[header.index(name)] for row in rows[1:]] for name in wanted})


def _fields(path: Path, number: int, line: bytes) -> list[str]:
    try:
        return line.decode("utf-8").removesuffix("\r").split("\t")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}:{number}: not UTF-8 ({error.reason}); convert the file to UTF-8") from error
