"""Do random weights draw as much as trained ones? J/example of one shape with both, alternating on one card.

    python -m benchmarks.experiments.weights --model FINE_TUNED_DIR --data-dir DIR

Switching power depends on the bits that move. The ratio trained / random of each pair (A B A B ...) is what a joule
measured with --random-weights has to be multiplied by. No bar: it is a correction, reported with its range.
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    weight_pairs: int = 3
    """Pairs of trained and random per configuration."""
    weight_windows: int = 3
    """Windows of 1 s in each half of a pair."""


WEIGHTS = CardBenchmark("benchmarks.experiments.weights", __doc__, Arguments)
