"""How long must a window be? The published experiment's worst case over windows of 0.2 to 10 s, by three readings.

    python -m benchmarks.checks.window_length --model DIR --data-dir DIR --output DIR
    python -m benchmarks.draw DIR/window_length.json    # anywhere, later

16 tokens, fp16, batch 64: a pass over SST-2 took 0.18 s on that experiment's L4, whose power reading is a trailing 1 s
average. Windows are whole passes, cut from a few recordings:

- warm: one long load; windows start at many places in it, once it has run for `--settled-s`;
- cold: `--idle-s` of idleness, then load at once, and the window begins with it (no warm-up, as published).

The energy of each by the counter interpolated between ticks (ours), by the counter as it reads at the two ends (up to a
tick stale each), and by plain averaged power (`nvmlDeviceGetPowerUsage`) integrated. `bias` is J/example relative to
that of the whole warm load by the counter. A cold window's bias by the counter is real energy: a card that is still
raising clocks and voltage. What averaged power adds to it is the sensor's.

Bars: as much warm load as a default trial measures (`Measuring.min_total_s`, 5 s) within 1 % by the counter, in 95 % of
the places where it may start; the flag `short_window` on every window under 1 s and on none from 1 s on.
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark

PRECISION = 0.01  # "a 1 % number"


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    window_lengths: tuple[float, ...] = (0.2, 0.5, 1, 2, 5, 10)
    """Seconds of the windows."""
    window_backends: tuple[str, ...] = ()
    """None: cuda_graph (steady power), eager on a CPU."""
    long_s: float = 14.0
    """Seconds of the long load."""
    settled_s: float = 3.0
    """Of it before the warm windows."""
    cold_starts: int = 3
    """Short cold starts, beside the long load's."""
    cold_s: float = 2.2
    """Seconds of a short cold start."""
    idle_s: float = 1.5
    """Seconds of idleness before each start."""
    window_bar: float = PRECISION
    """Largest |bias| of a default trial."""


WINDOW_LENGTH = CardBenchmark("benchmarks.checks.window_length", __doc__, Arguments)
