"""Is a number the same when it is measured again, and does the stated interval say how much it is not?

    python -m benchmarks.checks.repeatability --model DIR --data-dir DIR --repeats 10

One process, as in a sweep (the worker is reused): a GPU-bound configuration (fp16, 128 tokens, batch 256) is
measured `--repeats` times in separate trials (`measure_trial`: model cut, cast and staged anew each time), shuffled
among trials of a launch-bound one (fp16, 16 tokens, batch 64, eager). Trials are shorter than a sweep's (1 s of
warm-up, 3 windows of 1 s) so that this costs a minute; longer ones can only repeat better.

Bars: the coefficient of variation of J/example of the GPU-bound one at most 1 %; the headline interval (Student-t
over 3 replicates, every choice of 3) holds the mean of the other replicates at least 90 % of the time. For normal
values without drift it would be 93 % with 7 others, not 95 %: the others' mean is uncertain too. The choices share
trials, so 120 of them say less than 120 experiments would. Reported without a bar: the launch-bound configuration,
and how often the within-trial interval (over the windows of one trial) holds the mean of the other trials: too rarely,
since adjacent windows of one process are alike (docs/measuring.md).

Then the anchor (`Worker.anchor`, fp16): cold, right after the process's idle reading; before and twice after a 680 W
neighbour (fp32, 128 tokens, batch 256). Does it move?
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    repeats: int = 10
    """Trials of the GPU-bound configuration."""
    launch_repeats: int = 5
    """Trials of the launch-bound one."""
    repeat_backend: str = "eager"
    """Backend of the GPU-bound configuration."""
    repeat_warmup_s: float = 1.0
    """Seconds of warm-up per trial."""
    repeat_window_s: float = 1.0
    """Seconds of a window."""
    repeat_windows: int = 3
    """Windows per trial."""
    neighbour_s: float = 5.0
    """Seconds of the hot neighbour."""
    cv_bar: float = 0.01
    """Largest coefficient of variation."""
    coverage_bar: float = 0.9
    """Smallest coverage of the headline interval."""


REPEATABILITY = CardBenchmark("benchmarks.checks.repeatability", __doc__, Arguments)
