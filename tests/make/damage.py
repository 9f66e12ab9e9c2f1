"""Damage to files, drawn from a seed: bytes flipped, cut, doubled; values of JSON and cells swapped for odd ones."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

# What a value may turn into: every type, the edges of numbers, and texts that are nearly something else.
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, 2**63, -(2**63), 10**400, float("nan"),
    float("inf"), float("-inf"), "", " ", "0", "1.5", "-1", "nan", "inf", "1e999", "0x10", "1_000", "１２", "none",
    "ok", "failed", "fp32", "fp16", "short_window", ";", "a;b", "x" * 5000, "\x00", "\ud800", "🙂", "=1+1", "../..",
    "<script>", [], [1], [[]], [[1, 2]], {}, {"a": 1}, {"a": {"b": [None]}},
)  # fmt: skip
ODD_CELLS = (
    "", " ", "0", "-1", "1.5", "1e-3", "1e999", "-inf", "nan", "NA", "None", "true", "0x10", "1_000", "1,5", '"', "'",
    '""', "a;b", "\t", "\x00", "x" * 5000, "９", "🙂", "=1+1", "../..", "<b>", "short_window", "failed", "9" * 30,
    "1e-320",
)  # fmt: skip
INSERTED = (b"\n", b'"', b",", b"\r", b"\x00", b"\xff", b"{", b"}", b"[", b"0", b"9", b"-", b"e", b"nan", b" ")


def damage(rng: random.Random, data: bytes) -> bytes:
    """One to three hurts to bytes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kind = rng.randrange(7)
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 8, 64, 512)))
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + data[end:]
        elif kind == 2:
            data = data[:at] + rng.choice(INSERTED) + data[at:]
        elif kind == 3:
            data = data[:end] + data[at:end] + data[end:]
        elif kind == 4:
            data = data[:at] + rng.randbytes(end - at) + data[end:]
        elif kind == 5 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        else:
            data = data[:at] + bytes(end - at) + data[end:]
    return data


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values lie in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_of(inner, (*path, key))


def distort(rng: random.Random, value: Any) -> Any:
    """One to three odd values, missing keys or doubled elements in a JSON value."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        *way, last = rng.choice(list(paths_of(value))) or ("",)
        if last == "" and not way:
            if rng.random() < 0.1:
                return rng.choice(ODD_VALUES)
            continue
        holder = value
        for key in way:
            holder = holder[key]
        kind = rng.randrange(4)
        if kind == 0:
            del holder[last]
        elif kind == 1 and isinstance(holder, list):
            holder.insert(last, copy.deepcopy(holder[last]))
        elif kind == 1 and isinstance(holder, dict):
            holder[rng.choice(("", "depth", "energy_j_per_example", "x" * 50))] = holder.pop(last)
        else:
            holder[last] = rng.choice(ODD_VALUES)
    return value


def distort_cells(rng: random.Random, lines: list[list[str]]) -> list[list[str]]:
    """One to three odd cells, columns or lines in a table; the head is the first line."""
    lines = copy.deepcopy(lines)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        line = rng.randrange(len(lines))
        if not lines[line]:
            continue
        column = rng.randrange(len(lines[line]))
        kind = rng.randrange(14)
        if kind <= 9:
            lines[line][column] = rng.choice(ODD_CELLS)
        elif kind == 10:
            lines[line].insert(column, rng.choice(ODD_CELLS))
        elif kind == 11:
            del lines[line][column]
        elif kind == 12:
            for other in lines:
                if column < len(other):
                    del other[column]
        else:
            lines.insert(line, list(lines[line]))
    return lines


def as_json(value: Any) -> bytes:
    """JSON as Python writes it, NaN and lone surrogates included."""
    return json.dumps(value).encode("utf-8", "surrogatepass")
