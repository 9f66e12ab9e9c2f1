"""Values of tables and arrays as plain Python, as JSON and dictionary keys want them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """None for null, NaN and infinity, NumPy scalars unwrapped; of mappings, sequences and arrays every value."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    return finite(value) if isinstance(value, float) else value


def finite(value: float) -> float | None:
    """None for NaN and infinity."""
    return float(value) if math.isfinite(value) else None
