"""The validity flags of a row: what sets each, and whether its energy still counts. No heavy imports."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from search_spaces.registry import Registry
from search_spaces.sweep_config import Measuring

# What a trial measures by default is the least that is not flagged; anything shorter was asked for.
MIN_WINDOW_S = Measuring.min_window_s
MIN_WINDOWS = Measuring.min_windows
MIN_TOTAL_S = Measuring.min_total_s
MIN_WINDOW_UPDATES = 10  # of the sensor, in one window
MAX_TEMPERATURE_DRIFT_C = 5.0

# What no sensor and no load that work can show. In 2,277 recorded windows of H100 and H200 the counter was up to 9.5 %
# from the integrated power (7.5 % beyond the edge error) and 0.8 % above the limit; readings were 60 ms apart at most.
MAX_COUNTER_SHARE = 0.15  # of the integrated power
MAX_LIMIT_SHARE = 1.10  # of the enforced power limit
MAX_STILL_S = 0.25  # without a reading


@dataclass(frozen=True)
class Flag:
    """`rule` says in words when it is set."""

    name: str
    rule: str
    invalid: bool = False  # the energy number must not enter fits and Pareto sets


ESTIMATED = "estimated"
SHORT_WINDOW = "short_window"
SHORT_WINDOW_KEPT = "short_window_kept"
RESUMED_ANYWAY = "resumed_anyway"
BELOW_MAJORITY = "below_majority"
COUNTER_IMPLAUSIBLE = "counter_implausible"
ABOVE_POWER_LIMIT = "above_power_limit"
STRETCHED_WINDOW = "stretched_window"
IMPLAUSIBLE = frozenset({COUNTER_IMPLAUSIBLE, ABOVE_POWER_LIMIT, STRETCHED_WINDOW})  # nothing is concluded from these

FLAGS: Registry[Flag] = Registry(
    "a flag",
    (
        Flag(ESTIMATED, "no sensor: energy is assumed watts x busy time"),
        Flag(
            SHORT_WINDOW,
            f"a window was shorter than {MIN_WINDOW_S:g} s or held fewer than {MIN_WINDOW_UPDATES} sensor updates",
            invalid=True,
        ),
        Flag(SHORT_WINDOW_KEPT, "such a window, kept by analysis with --keep-short-windows; no row of a run has it"),
        Flag("few_windows", f"fewer than {MIN_WINDOWS} windows, or less than {MIN_TOTAL_S:g} s of windows in all"),
        Flag("interval_not_reached", "--max-measure-s was spent before the interval met --target-ci"),
        Flag("counter_reset", "the energy counter went backwards", invalid=True),
        Flag("counter_power_mismatch", "counter and integrated power differ by more than the window allows"),
        Flag(
            COUNTER_IMPLAUSIBLE,
            f"the counter is more than {MAX_COUNTER_SHARE:.0%} and its edge error from the integrated power, in a "
            "window or in all",
            invalid=True,
        ),
        Flag(
            ABOVE_POWER_LIMIT,
            f"the energy of a window is above {MAX_LIMIT_SHARE:.2f} x the enforced power limit x its time",
            invalid=True,
        ),
        Flag(
            STRETCHED_WINDOW,
            "the measuring process stood still in a window: it was stopped, or the sensor not read for "
            f"{MAX_STILL_S:g} s",
            invalid=True,
        ),
        Flag(
            BELOW_MAJORITY,
            "the accuracy, even the end of its 95 % interval, is below the share of the commonest class: always naming "
            "that class does better",
        ),
        Flag("foreign_process", "another process computed on the card", invalid=True),
        Flag("foreign_process_unknown", "the driver does not say who computes on the card"),
        Flag("power_capped", "the power limit lowered the clocks in the windows"),
        Flag("thermal_throttled", "heat lowered the clocks in the windows"),
        Flag("hw_slowdown", "the hardware's slowdown (power brake, heat) was active in the windows", invalid=True),
        Flag(
            RESUMED_ANYWAY,
            "measured after --resume-anyway: settings, inputs or device are not those of the run's start",
        ),
        Flag(
            "temperature_drift",
            f"the card warmed or cooled by more than {MAX_TEMPERATURE_DRIFT_C:g} C within the windows",
        ),
    ),
    remedy="enter it in trainables/rows/flags.py",
)


# As found in cells that other programs wrote: "Short-Window, foreign process", "['short_window']".
_SEPARATOR = re.compile(r"[;,|/+&\t\r\n]+")
_BETWEEN_WORDS = re.compile(r"[\s\-_]+")
_AROUND = " \t\u00a0\"'`[](){}_-"


def join_flags(flags: Iterable[str]) -> str:
    """A row's flags in the order of FLAGS, joined by ';'. An unknown one is a UsageError that lists the flags."""
    return ";".join(sorted({FLAGS[name].name for name in flags}, key=FLAGS.rank))


def split_flags(text: str | None) -> set[str]:
    """The flags of a row's cell, also those that this version does not know.

    A cell that a spreadsheet or somebody's program wrote is read as it was meant: another case, a hyphen or blank for
    the underscore, another separator, quotes and brackets.
    """
    found: set[str] = set()
    for part in _SEPARATOR.split(text or ""):
        name = _spelled(part)
        words = [word for word in map(_spelled, part.split()) if word]
        found |= set(words) if name not in FLAGS and all(word in FLAGS for word in words) else {name}
    return found - {""}


def _spelled(text: str) -> str:
    return _BETWEEN_WORDS.sub("_", text.strip(_AROUND)).casefold()


def normal_flags(text: str | None) -> str:
    """A cell as this program writes it: joined by ';', in the order of FLAGS, unknown ones at the end."""
    return ";".join(sorted(split_flags(text), key=lambda name: (FLAGS.rank(name), name)))


def invalid_among(text: str | None) -> list[str]:
    """Those of a row's flags by which its energy must not enter fits and Pareto sets, in the order of FLAGS; last those
    that this version does not know, until they are entered (`FLAGS.add`): a newer one may have found them invalid."""
    found = split_flags(text)
    return [f for f, flag in FLAGS.items() if flag.invalid and f in found] + sorted(found - FLAGS.keys())


def why_invalid(text: str | None) -> str:
    """The same in words: "flag short_window, counter_reset; unknown flag of_later"; "" where the energy counts."""
    names = invalid_among(text)
    kinds = {"flag": [n for n in names if n in FLAGS], "unknown flag": [n for n in names if n not in FLAGS]}
    return "; ".join(f"{kind} {', '.join(which)}" for kind, which in kinds.items() if which)
