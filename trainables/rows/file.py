"""The file of a row: written once by the driver, sealed by a digest."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ROW_FILE = "row.json"  # in the trial's folder; Ray's own result.json lags, and is cut short while Ray copies it


def seal(row: Mapping[str, Any]) -> str:
    """The text of a row file: the row, and a digest by which a damaged file is told from a good one."""
    text = json.dumps(row, default=_plain)
    return json.dumps({"sha256": _digest(json.loads(text)), "row": json.loads(text)})


def unseal(text: str) -> dict[str, Any]:
    """The row of a row file. Raises ValueError where the file is cut short or changed."""
    try:
        file = json.loads(text)
        row, digest = file["row"], file["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("the row file is cut short or no row file") from error
    if not isinstance(row, dict) or digest != _digest(row):
        raise ValueError("the row file was changed after it was written: its digest does not match")
    return row


def _digest(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """numpy's scalars and arrays as Python's; anything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
