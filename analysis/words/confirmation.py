"""A saving with what is known of it: its interval from fresh trials, or that there are none."""

from __future__ import annotations

from analysis.findings.confirmation import Confirmation
from analysis.findings.part import Part
from analysis.rows.cards import short_uuid
from analysis.statistics.intervals import Ratio
from analysis.words.rounding import format_interval, points_change, points_word, times

_NUMBERS = {1: "one trial"}


def basis(trials: float, confirmed: Confirmation | None) -> str:
    """What stands in an interval's place where there is none: "chosen on one trial, not confirmed". `trials`: those of
    the choice."""
    if confirmed is not None:
        return f"{confirmed.trials} fresh trials of each"
    return f"chosen on {trials_words(trials)}, not confirmed"


def trials_words(trials: float) -> str:
    """ "one trial", "3 trials"."""
    return _NUMBERS.get(int(trials), f"{trials:.0f} trials")


def percent_saved(ratio: float) -> float:
    """2 -> 50, 4 -> 75; below 0 where more is used."""
    return 100 * (1 - 1 / ratio)


def saving_words(saving: Ratio, trials: float, confirmed: Confirmation | None) -> str:
    """ "95 % saved; 95 % interval 94.7 to 95.3, 3 fresh trials of each": for a bracket."""
    if confirmed is None:
        return f"{percent_saved(saving.value):.0f} % saved, {basis(trials, None)}"
    s = confirmed.saving
    told = format_interval(percent_saved(s.value), percent_saved(s.low), percent_saved(s.high))
    value, _, interval = told.partition(" (")
    known = f"95 % interval {interval.removesuffix(')')}, " if interval else ""
    return f"{value} % saved; {known}{basis(trials, confirmed)}"


def ratio_words(trials: float, confirmed: Confirmation | None) -> str:
    """ "52 to 56, 95 %, 3 fresh trials of each": for a bracket behind the ratio."""
    if confirmed is None:
        return basis(trials, None)
    s = confirmed.saving
    _, _, interval = format_interval(s.value, s.low, s.high, "×").partition(" (")
    return ", ".join(filter(None, [interval.removesuffix(")"), "95 %" if interval else "", basis(trials, confirmed)]))


def sentences(part: Part[Confirmation]) -> list[str]:
    """How the choice was confirmed, what speaks against it, or why it was not; empty where nothing was tried."""
    found = part.value
    if found is None:
        return [part.problem] if part.problem else []
    where = f"on {short_uuid(found.device)}"
    if not found.same_device:
        where += ", another device than the sweep's,"
    lines = [
        f"The saving is that of fresh trials: {found.trials} of the baseline and {found.trials} of the choice, in turn "
        f"{where} after the choice was fixed, with the weights of seed {found.seed}; by the trials that it was chosen "
        f"on it would be {times(found.swept)}."
    ]
    if found.saving.low <= 1:
        lines.append("These trials leave open whether anything is saved: measure more, or stay with the baseline.")
    return [*lines, *_promoted(found), *_on_fresh_examples(found), *_runner_up(found)]


def _on_fresh_examples(found: Confirmation) -> list[str]:
    """What examples that nothing was chosen by say of the choice's accuracy."""
    a, data, margin = found.accuracy, found.made.fresh_data, points_word(found.made.tolerance)
    if a is None or data is None:
        return []
    left = "; ".join(f"{count} left out: {rule}" for rule, count in (data.get("left_out") or {}).items())
    told = f"On {a.examples} fresh examples of {data.get('file')}" + (f" ({left})" if left else "")
    change, low = points_change(a.change, a.examples), points_change(a.low, a.examples)
    numbers = (
        f"it changes by {change} points, at worst {low} (one-sided 95 %), {a.lost} became wrong and {a.gained} right"
    )
    if a.not_worse:
        return [f"{told} accuracy is not worse by more than {margin}, in one comparison, fixed beforehand: {numbers}."]
    if a.high < -found.made.tolerance:
        return [f"{told} accuracy is worse by more than {margin}, so do not rely on the choice: {numbers}."]
    enough = f"; {a.examples_needed} examples would show it in four of five cases" if a.examples_needed else ""
    return [f"{told} it is not shown that accuracy is not worse by more than {margin}: {numbers}{enough}."]


def _promoted(found: Confirmation) -> list[str]:
    if found.made.replaces is None:
        return []
    return ["It was a runner-up of the sweep, came out cheaper than the sweep's choice, and was then measured afresh."]


def _runner_up(found: Confirmation) -> list[str]:
    cheaper = found.cheaper
    if cheaper is None:
        return []
    s = cheaper.saving
    return [
        f"A runner-up came out cheaper: {cheaper.row['configuration']}, {format_interval(s.value, s.low, s.high, '×')} "
        "less than the choice. It was picked after the fact, so that is no saving to rely on: promote it by another "
        "fresh set (--resume RUN --promote)."
    ]
