"""What a run prints and keeps: a table of plain columns, and a JSON file of the raw numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Plain columns, the first left-aligned, numbers with four digits; None is a dash."""
    cells = [list(header), *([_cell(v) for v in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def write_json(folder: Path | None, name: str, content: Any) -> None:
    """NAME.json in the folder, which is made; nothing where no folder was asked for."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json_text(content))


def json_text(content: Any) -> str:
    """JSON to be read and compared by line: a key or an object a line, and a list of numbers on one."""
    return _spelled(json.loads(json.dumps(content, default=_plain)), "") + "\n"


def _spelled(value: Any, indent: str) -> str:
    deeper = indent + " "
    if isinstance(value, dict) and value:
        items = [f"{json.dumps(key)}: {_spelled(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    if isinstance(value, list) and _holds_objects(value):
        return "[\n" + ",\n".join(deeper + _spelled(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value)


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(_holds_objects(item) for item in value))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
