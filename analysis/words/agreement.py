"""Whether tasks agree, in words."""

from __future__ import annotations

from analysis.findings.agreement import NO_INTERVAL, NOT_POSITIVE, TOO_FEW, TOO_WIDE, Agreement
from analysis.findings.per_token import PerToken
from analysis.findings.verdict import AGREE, DISAGREE
from analysis.words.rounding import format_percent

USELESS_PERCENT = 1000  # a bound beyond tenfold says nothing, in however many digits
_REASONS = {
    TOO_FEW: "one task alone has it",
    NO_INTERVAL: "an interval is unknown",
    TOO_WIDE: "the intervals are too wide",
}


def sentence(agreement: Agreement, what: str, reason: str = "") -> str:
    """`what`: the quantity, "the energy of an input". `reason`: why nothing could be compared, where that is known."""
    a = agreement
    within = f"{100 * a.limit:g} %"
    reason = reason or _reason(a)
    if a.pair is None or a.percent is None:
        return f"Whether {what} is the same on every task cannot be told: {reason}."
    by = f"{' and '.join(a.pair)} differ most, by {format_percent(a.percent)}"
    if a.verdict == DISAGREE:
        return f"{what[0].upper()}{what[1:]} depends on the task by more than {within}: {by}."
    if a.highest_percent is not None:
        bounded = a.highest_percent <= USELESS_PERCENT
        by += f", at most {format_percent(a.highest_percent)}" if bounded else ", without a useful bound"
    if a.verdict == AGREE:
        return f"{what[0].upper()}{what[1:]} is the same on every task within {within}: {by}."
    return f"Whether {what} is the same on every task within {within} cannot be told: {by}; {reason}."


def _reason(a: Agreement) -> str:
    if a.reason == NOT_POSITIVE:
        return f"it is not above zero on {', '.join(a.not_positive)}"
    return _REASONS.get(a.reason, "")


def whole(part: PerToken) -> str:
    """Whether an input of the compared length costs the same on every task."""
    at = f" of {part.at_tokens:.0f} tokens" if part.at_tokens else ""
    return sentence(part.whole, f"the energy of an input{at}", _meeting(part))


def marginal(part: PerToken) -> str:
    """Whether one more token does, at that length."""
    at = f" at {part.at_tokens:.0f}" if part.at_tokens else ""
    return sentence(part.marginal, f"the energy of one more token{at}", _meeting(part))


def _meeting(part: PerToken) -> str:
    return "" if part.at_tokens else "the lengths of the tasks do not meet"
