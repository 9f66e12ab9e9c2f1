"""Bars: numbers that this project promises, what was measured of them, and the exit code that follows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any


@dataclass(frozen=True)
class Bar:
    """A number this project promises. `value` NaN or None is a miss: what was not measured is not met."""

    name: str
    value: float | None
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.value is None or not isfinite(self.value):
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        relation = "at least" if self.at_least else "at most"
        value = "not measured" if self.value is None else f"{self.value:.4g}"
        return f"bar {'met' if self.met else 'MISSED'}: {self.name}: {value} ({relation} {self.limit:g})"


def judge(bars: Sequence[Bar]) -> int:
    """Print every bar; exit code 0 where all are met."""
    for bar in bars:
        print(bar, flush=True)
    return 0 if all(bar.met for bar in bars) else 1


def records(bars: Sequence[Bar]) -> list[dict[str, Any]]:
    """The bars as a JSON file keeps them."""
    return [asdict(bar) | {"met": bar.met} for bar in bars]
