"""A strict reader of labelled TSV files: what is wrong, in which line, and what to do about it."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import UsageError, check, shown
from trainables.tasks.base import Split

FILES: dict[Split, str] = {"train": "train.tsv", "validation": "dev.tsv"}

# When programs that quote put a field in quotes: Python's csv and pandas, the same with every field or every text, and
# spreadsheets. None quotes what needs no quotes, so a file that one of them wrote can be told from one with quotes of
# its own in the text.
_QUOTES: tuple[Callable[[str], bool], ...] = (
    lambda field: any(c in field for c in '\t"\n\r'),
    lambda field: any(c in field for c in '\t"\n\r,'),
    lambda field: True,
    lambda field: not _number(field),
)


@dataclass(frozen=True)
class Table:
    """Columns of a file by name; row i begins in line `lines[i]` of the file."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def require(self, *alternatives: tuple[str, ...]) -> tuple[str, ...]:
        """The first of the alternatives whose columns are all there."""
        for names in alternatives:
            if set(names) <= self.columns.keys():
                return names
        wanted = " or ".join(", ".join(names) for names in alternatives)
        remedy = "add or rename columns"
        for sign, what in ((",", "comma-separated"), (";", "semicolon-separated")):
            if len(self.columns) == 1 and sign in next(iter(self.columns)):
                remedy = f"it is {what}: save it as text with tabs between the fields"
        raise UsageError(
            f"{self.path}:1: the header line must name the columns {wanted}, separated by tabs, "
            f"but got {shown(', '.join(self.columns))}; {remedy}"
        )

    def texts(self, column: str) -> tuple[str, ...]:
        for line, text in zip(self.lines, self.columns[column], strict=True):
            if not text.strip():
                raise UsageError(f"{self.path}:{line}: {column} is empty; fill it in or remove the line")
        return tuple(self.columns[column])

    def labels(self, names: Sequence[str]) -> list[int]:
        """The column `label` as numbers from 0; the file has numbers or, all through, the `names` in that order."""
        numbered = _number(self.columns["label"][0])
        known = {str(number) if numbered else name: number for number, name in enumerate(names)}
        for line, label in zip(self.lines, self.columns["label"], strict=True):
            check(
                label in known,
                f"{self.path}:{line}: label must be one of {', '.join(known)}",
                label,
                "correct it or remove the line",
            )
        return [known[label] for label in self.columns["label"]]

    def label_names(self) -> tuple[str, ...]:
        """The classes of a file that says them itself: the numbers 0..n-1, or names in alphabetical order."""
        labels = self.columns["label"]
        found = sorted(set(labels))
        for line, label in zip(self.lines, labels, strict=True):
            check(
                _number(label) == _number(labels[0]) and bool(label.strip()),
                f"{self.path}:{line}: the labels must be all numbers from 0 or all names of classes",
                label,
                "correct it or remove the line",
            )
        if not _number(labels[0]):
            self._check_names(found)
            return tuple(found)
        check(
            set(found) == {str(number) for number in range(len(found))} and len(found) >= 2,
            f"{self.path}: the labels must be 0..n-1, two or more, each with at least one example",
            found[:10],
            "number the classes from 0 without gaps, or write their names (regression is not supported)",
        )
        return tuple(str(number) for number in range(len(found)))

    def _check_names(self, found: list[str]) -> None:
        alike: dict[str, str] = {}
        for label in found:
            other = alike.setdefault(" ".join(label.split()).casefold(), label)
            rule = f"{self.path}: two classes must differ in more than case and blanks"
            check(other == label, rule, f"{other}, {label}", "write each class in one way")
        check(len(found) >= 2, f"{self.path}: the labels must be two or more classes", found, "add examples")


def _number(label: str) -> bool:
    return label.strip().removeprefix("-").replace(".", "", 1).isdigit()


def read_tsv(path: Path) -> Table:
    """A UTF-8 file with a header line and one example per line, its fields separated by tabs.

    Fields are taken as they are, quotes included (as GLUE's files mean it), unless the whole file is one that a program
    which quotes would have written: then as that program meant it.

    Raises UsageError, with file and line, for a missing file, a line whose number of fields is not the header's, a
    column named twice, and bytes that are not UTF-8.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; the folder must hold train.tsv and dev.tsv")
    text = _decoded(path)
    rows = _quoted(text) or [(number, line.split("\t")) for number, line in enumerate(text.split("\n"), start=1)]
    if len(rows) < 2:
        raise UsageError(f"{path} holds no examples; it needs a header line and one line per example")
    header = rows[0][1]
    twice = sorted({name for name in header if header.count(name) > 1})
    check(not twice, f"{path}:1: a column must be named once", ", ".join(twice), "rename or remove one of them")
    for number, row in rows:
        check(
            len(row) == len(header),
            f"{path}:{number}: a line must have {len(header)} fields separated by tabs, as the header has",
            len(row),
            "remove tabs and line breaks within the text",
        )
    columns = {name: [row[i] for _, row in rows[1:]] for i, name in enumerate(header)}
    return Table(path, columns, [number for number, _ in rows[1:]])


def _decoded(path: Path) -> str:
    """The text of a file without byte-order mark and final line break, its lines ending in \\n alone."""
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    decoded = []
    for number, line in enumerate(lines, start=1):
        try:
            decoded.append(line.decode("utf-8").removesuffix("\r"))
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}:{number}: not UTF-8 ({error.reason}); save the file as UTF-8") from error
    return "\n".join(decoded)


def _quoted(text: str) -> list[tuple[int, list[str]]] | None:
    """(line, fields) of a file that a program which quotes has written; None where it is none, or has no quotes."""
    if '"' not in text:
        return None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    rows, line = [], 1
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error:  # quotes within a field that has none around it: text
        return None
    for quotes in _QUOTES:
        written = ("\t".join(_field(field, quotes) for field in row) for _, row in rows)
        if "\n".join(written) == text:
            return rows
    return None


def _field(field: str, quotes: Callable[[str], bool]) -> str:
    return '"' + field.replace('"', '""') + '"' if quotes(field) else field
