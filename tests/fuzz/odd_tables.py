"""train.tsv and dev.tsv as programs and people write them, and what they mean."""

import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.odd_tokenizers import WORDS
from tests.make.damage import damage, distort_cells

SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "<s>", "</s>", "<pad>", "<mask>", "zzz")
ODD = (
    "🙂", "👩‍👩‍👧", "é", "e\u0301", "ß", "İ", "中文", "שלום", "\u200b", "\u00a0", "\u2028", "\x00", "\x1f", "\x85",
    "\ufffd", "'", '"', '"a"', '""', "\\", "\\t", "#", ",", ";", "NA", "nan", "=1+1", "<b>", "１", "²", "\u202e", "ﬁ",
    "\ufeff",
)  # fmt: skip
NAMES = (
    ("0", "1"), ("negative", "positive"), ("ham", "spam"), ("no", "yes"), ("A", "B"), ("0", "1", "2"),
    ("bad", "fair", "good"), ("contradiction", "entailment", "neutral"), ("class a", "class b"), ("nein", "ja"),
    ("label_0", "label_1"), ("not_good", "good"), ("neutral", "neutral_high"),
)  # fmt: skip


@dataclass(frozen=True)
class Data:
    """What the files mean: texts and classes by number, the classes' names in the order of the numbers."""

    first: tuple[str, ...]
    second: tuple[str, ...] | None
    labels: tuple[int, ...]
    names: tuple[str, ...]


def text(rng: random.Random) -> str:
    """A sentence; sometimes with the special tokens of models, odd characters, or hundreds of words."""
    words = [rng.choice(WORDS) for _ in range(rng.choice((1, 3, 6, 6, 12, 12, 60)))]
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        words.insert(rng.randrange(len(words) + 1), rng.choice((*SPECIAL, *ODD, *ODD)))
    if rng.random() < 0.02:
        words *= 50
    joined = rng.choice((" ", " ", " ", "", "  ")).join(words)
    return joined if rng.random() < 0.9 else rng.choice((" ", "\u200b", "...", "\U0001f642", "")) + joined


def draw(rng: random.Random) -> tuple[Data, Data]:
    """Training and evaluation data of one task; every class is in the training data."""
    names = tuple(sorted(rng.choice(NAMES)))
    pair = rng.random() < 0.3

    def examples(count: int) -> Data:
        labels = [*range(len(names)), *(rng.randrange(len(names)) for _ in range(count))]
        texts = [tuple(text(rng) for _ in labels) for _ in range(2)]
        return Data(texts[0], texts[1] if pair else None, tuple(labels), names)

    return examples(rng.choice((1, 3, 8))), examples(rng.choice((2, 6, 12)))


def write(rng: random.Random, train: Data, dev: Data, folder: Path, odd: bool) -> str:
    """Write both files in one way; sometimes damage one. What was done to it, or ""."""
    folder.mkdir(parents=True)
    how, columns, end = rng.choice(tuple(WRITERS)), _columns(rng, dev), rng.choice(("\n", "\n", "\n", "\r\n"))
    for name, data in (("train.tsv", train), ("dev.tsv", dev)):
        shown = [data.names[label] for label in data.labels]
        texts = (data.first,) if data.second is None else (data.first, data.second)
        cells = {**dict(zip(_text_columns(columns), texts, strict=True)), "label": shown}
        cells["id"] = [str(i) for i in range(len(shown))]
        lines = [columns, *(list(row) for row in zip(*(cells[c] for c in columns), strict=True))]
        made = WRITERS[how](lines, end)
        (folder / name).write_bytes(made)
    told = [] if how == "raw" else [how]
    if odd:
        change = rng.choice(CHANGES)
        file = folder / rng.choice(("train.tsv", "dev.tsv", "dev.tsv"))
        file.write_bytes(change(rng, file.read_bytes()))
        told.append(f"table {change.__name__} {file.name}")
    if rng.random() < 0.1:
        (folder / "train.tsv").unlink()
        told.append("no train.tsv")
    return " ".join(told)


def _columns(rng: random.Random, data: Data) -> list[str]:
    columns = ["text1", "text2"] if data.second is not None else [rng.choice(("text", "sentence"))]
    columns += ["label", *rng.choice(([], ["id"]))]
    rng.shuffle(columns)
    return columns


def _text_columns(columns: list[str]) -> list[str]:
    return sorted(name for name in columns if name.startswith(("text", "sentence")))


# ---- how files are written ----


def _raw(lines: list[list[str]], end: str) -> bytes:
    """As GLUE's files: nothing is quoted, so fields hold neither tabs nor line breaks."""
    return "".join("\t".join(line) + end for line in lines).encode()


def _by_csv(lines: Sequence[Sequence[object]], end: str, quoting: int) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter="\t", lineterminator=end, quoting=quoting).writerows(lines)  # type: ignore[arg-type]
    return out.getvalue().encode()


def _spreadsheet(lines: list[list[str]], end: str) -> bytes:
    """As Excel: a byte-order mark, and quotes where there is a comma, too."""
    out = [['"' + f.replace('"', '""') + '"' if any(c in f for c in '\t\n\r,"') else f for f in ln] for ln in lines]
    return ("\ufeff" + "\r\n".join("\t".join(line) for line in out) + "\r\n").encode()


WRITERS: dict[str, Callable[[list[list[str]], str], bytes]] = {
    "raw": _raw,
    "minimal": lambda lines, end: _by_csv(lines, end, csv.QUOTE_MINIMAL),
    "all": lambda lines, end: _by_csv(lines, end, csv.QUOTE_ALL),
    "texts": lambda lines, end: _by_csv(
        [[int(f) if f.isascii() and f.isdigit() else f for f in line] for line in lines], end, csv.QUOTE_NONNUMERIC
    ),
    "spreadsheet": _spreadsheet,
}


# ---- what happens to them ----


def bytes_damaged(rng: random.Random, data: bytes) -> bytes:
    return damage(rng, data)


def cells_changed(rng: random.Random, data: bytes) -> bytes:
    lines = [line.split("\t") for line in data.decode().split("\n")]
    return "\n".join("\t".join(line) for line in distort_cells(rng, lines)).encode("utf-8", "surrogatepass")


def with_commas(rng: random.Random, data: bytes) -> bytes:
    return data.replace(b"\t", rng.choice((b",", b";", b"  ", b"\t\t")))


def of_another_encoding(rng: random.Random, data: bytes) -> bytes:
    return data.decode().encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "cp1252")), errors="replace")


def other_lines(rng: random.Random, data: bytes) -> bytes:
    changed = (data.replace(b"\n", b"\r"), data.replace(b"\n", b"\n\n"), data + b"\n\n", data.rstrip(b"\n"), b"")
    return rng.choice(changed)


def other_header(rng: random.Random, data: bytes) -> bytes:
    head, _, rest = data.partition(b"\n")
    others = (head.upper(), b" " + head, head.replace(b"label", b"Label"), head.replace(b"label", b"labels"))
    return rest if rng.random() < 0.3 else rng.choice(others) + b"\n" + rest


def other_labels(rng: random.Random, data: bytes) -> bytes:
    """A blank behind a label, another case, one that nobody knows."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    fields = lines[at].split(b"\t")
    which = rng.choice((0, -1))
    label = fields[which]
    fields[which] = rng.choice((label + b" ", label.upper(), b"unheard-of", b"1.0", b"-1", "１".encode(), b""))
    lines[at] = b"\t".join(fields)
    return b"\n".join(lines)


CHANGES = (bytes_damaged, cells_changed, with_commas, of_another_encoding, other_lines, other_header, other_labels)
