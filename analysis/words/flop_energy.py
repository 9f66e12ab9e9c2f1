"""Whether energy follows FLOP from model to model, in words."""

from __future__ import annotations

from analysis.findings.flop_energy import FlopEnergy
from analysis.words.rounding import format_interval, times
from search_spaces.axes import AXES


def sentences(found: list[FlopEnergy]) -> list[str]:
    """ "At fp16 small (6 layers) needs 8.0× less energy than big (12 layers) for 8.4× fewer FLOP: a FLOP costs it 1.05×
    (1.03 to 1.07) as much." for each."""
    return [
        f"At {f.precision} {_named(f.model, f.layers[0])} needs {_factor(f.energy.value, 'less', 'more')} energy than "
        f"{_named(f.than, f.layers[1])} "
        f"for {_factor(f.flop_ratio, 'fewer', 'more')} FLOP: a FLOP costs it "
        f"{format_interval(f.per_flop.value, f.per_flop.low, f.per_flop.high, '×')} as much."
        for f in found
    ]


def _factor(ratio: float, less: str, more: str) -> str:
    return f"{times(ratio)} {less}" if ratio >= 1 else f"{times(1 / ratio)} {more}"


def _named(model: str, layers: int) -> str:
    return f"{AXES['model'].short(model)} ({AXES['depth'].spell(layers)})"
