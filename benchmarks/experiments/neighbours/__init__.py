"""Does measuring on one card disturb its neighbours? J/example and ms/example on one card, the others idle or busy.

    python -m benchmarks.experiments.neighbours --model DIR --data-dir DIR --output DIR
    python -m benchmarks.draw DIR/neighbours.json

The card that measures is the first; every other card of the host has a process that is idle, or runs the hottest load
(fp32, eager), or the one that keeps its host thread busiest (launch-bound, eager), in turn. What cards could share is
power, heat and cores of the host. Measured under each: the anchor's load (fp16, 128 tokens, batch 256, a CUDA graph),
which sees the first two, and a launch-bound one, which sees the third. Ratios are taken within a round, over the idle
neighbours of that round. No bar: it says how far apart a sweep's trials are that ran beside others.
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark

STATES = ("idle", "hot", "launch-bound")  # of the neighbours, idle first: the others are compared with it


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    rounds: int = 5
    """Rounds of idle, hot and launch-bound neighbours."""
    stretch_s: float = 2.0
    """Measured load in each part of a round (s)."""


NEIGHBOURS = CardBenchmark("benchmarks.experiments.neighbours", __doc__, Arguments)
