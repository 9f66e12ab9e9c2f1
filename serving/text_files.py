"""Texts in, answers out, a record at a time: lines, TSV, CSV and JSONL.

lines: a text a line (a pair: two, with a tab between them). tsv: a header line, fields as they are. csv: quoted as RFC
4180 has it. jsonl: an object a line. Each answer is one line, in the order of the texts; a table's first is a header.
"""

import csv
import io
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from search_spaces.errors import UsageError, check

FORMATS = ("lines", "tsv", "csv", "jsonl")
# Names that mean the same where the file has not the export's own (docs/tasks.md).
OTHER_NAMES = {1: (("text",), ("sentence",)), 2: (("text1", "text2"),)}
_HEADED = ("tsv", "csv")


def format_of(path: Path | None, given: str | None, other: str = "lines") -> str:
    """The format that is given, else by the file's extension, else `other`."""
    if given is not None:
        check(given in FORMATS, f"a format must be one of {', '.join(FORMATS)}", given, "see --help")
        return given
    extension = "" if path is None else path.suffix.lower().removeprefix(".")
    return extension if extension in FORMATS else other


def known_names(names: Collection[str], columns: Sequence[str]) -> Sequence[str] | None:
    """What the texts are called among `names`: the columns, or other names that mean the same."""
    wanted = (tuple(columns), *OTHER_NAMES[len(columns)])
    return next((tried for tried in wanted if set(tried) <= set(names)), None)


def texts_of(record: Mapping[str, Any], columns: Sequence[str]) -> tuple[Any, ...] | None:
    """Those of a record, None where it lacks one."""
    names = known_names(record, columns)
    return None if names is None else tuple(record[name] for name in names)


@dataclass(frozen=True)
class Reader:
    """`name`: of the input, in messages. `columns`: what the texts of a record are called."""

    name: str
    format: str
    columns: Sequence[str]

    def texts(self, stream: BinaryIO) -> Iterator[tuple[str, ...]]:
        """The texts of each record. UsageError, with the line, for bytes that are not UTF-8, a column that is missing,
        a text that is empty and a record that is none."""
        records = {"lines": self._lines, "tsv": self._tsv, "csv": self._csv, "jsonl": self._jsonl}[self.format]
        for line, record in records(stream):
            for column, text in zip(self.columns, record, strict=True):
                if not text.strip():
                    raise UsageError(f"{self.name}:{line}: {column} is empty; fill it in or remove the line")
            yield record

    def _decoded(self, stream: BinaryIO) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UsageError(f"{self.name}:{number}: not UTF-8 ({error.reason}); save it as UTF-8") from error
            yield number, text.removeprefix("\ufeff") if number == 1 else text

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, tuple[str, ...]]]:
        for number, line in self._decoded(stream):
            text = line.rstrip("\r\n")
            record = (text,) if len(self.columns) == 1 else tuple(text.split("\t"))
            self._check_fields(number, len(record), len(self.columns), " and ".join(self.columns))
            yield number, record

    def _tsv(self, stream: BinaryIO) -> Iterator[tuple[int, tuple[str, ...]]]:
        rows = ((number, line.rstrip("\r\n").split("\t")) for number, line in self._decoded(stream))
        return self._table(rows)

    def _csv(self, stream: BinaryIO) -> Iterator[tuple[int, tuple[str, ...]]]:
        reader = csv.reader((line for _, line in self._decoded(stream)), strict=True)

        def rows() -> Iterator[tuple[int, list[str]]]:
            csv.field_size_limit(1 << 30)
            try:
                for row in reader:
                    yield reader.line_num, row
            except csv.Error as error:
                raise UsageError(f"{self.name}:{reader.line_num}: not CSV ({error}); correct the line") from error

        return self._table(rows())

    def _table(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, tuple[str, ...]]]:
        _, header = next(rows, (1, []))
        places = [header.index(name) for name in self._known(set(header), 1)]
        for number, row in rows:
            self._check_fields(number, len(row), len(header), "as the header has")
            yield number, tuple(row[place] for place in places)

    def _jsonl(self, stream: BinaryIO) -> Iterator[tuple[int, tuple[str, ...]]]:
        for number, line in self._decoded(stream):
            try:
                found = json.loads(line)
                texts = tuple(found[name] for name in self._known(set(found), number))
                if not isinstance(found, dict) or not all(isinstance(text, str) for text in texts):
                    raise TypeError("its texts are no strings")
            except (ValueError, TypeError, RecursionError) as error:
                raise UsageError(
                    f"{self.name}:{number}: a line must be a JSON object of texts ({str(error)[:80]}); correct it"
                ) from error
            yield number, texts

    def _known(self, names: set[str], line: int) -> Sequence[str]:
        if (wanted := known_names(names, self.columns)) is not None:
            return wanted
        raise UsageError(
            f"{self.name}:{line}: the texts must be in the columns {', '.join(self.columns)}, but it names "
            f"{', '.join(sorted(map(str, names)))[:200] or 'none'}; add or rename columns"
        )

    def _check_fields(self, number: int, found: int, wanted: int, what: str) -> None:
        rule = f"{self.name}:{number}: a line must have {wanted} field{'s' if wanted > 1 else ''} ({what})"
        check(found == wanted, rule, found, "remove tabs and line breaks within the text")


@dataclass(frozen=True)
class Writer:
    """Answers as lines. `kind`: what an answer is called, "label" or "answer"."""

    format: str
    kind: str

    @property
    def header(self) -> str:
        """The first line, "" where the format has none."""
        return self._row(self.kind, "score") if self.format in _HEADED else ""

    def line(self, answer: str, score: float) -> str:
        """One answer; a number that is none is null, or empty."""
        known = math.isfinite(score)
        if self.format == "jsonl":
            found = {self.kind: answer if known else None, "score": round(score, 6) if known else None}
            return json.dumps(found, ensure_ascii=False) + "\n"
        return self._row(" ".join(answer.split()), f"{score:.6g}" if known else "")  # one line, whatever it holds

    def answer_of(self, line: str) -> str:
        """The answer that a line holds. ValueError where it is none."""
        if self.format == "jsonl":
            return str(json.loads(line)[self.kind] or "")
        row = next(csv.reader([line])) if self.format == "csv" else line.rstrip("\n").split("\t")
        if len(row) != 2:
            raise ValueError("two fields are wanted")
        return row[0]

    def _row(self, answer: str, score: str) -> str:
        if self.format != "csv":
            return f"{answer}\t{score}\n"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow([answer, score])
        return text.getvalue()
