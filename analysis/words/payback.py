"""When a cheaper configuration has made up for its fine-tuning, in words."""

from __future__ import annotations

from analysis.findings.payback import FinetuningCost, Payback
from analysis.words.rounding import count_of, format_with_uncertainty


def sentence(payback: Payback | None) -> str:
    """Empty where nothing can be said."""
    if payback is None:
        return ""
    return (
        f"Fine-tuning took {_cost(payback.cost)}; what {payback.choice['configuration']} saves against "
        f"{payback.baseline['configuration']} makes up for it after {count_words(payback.inferences)} inferences"
        f"{_interval(payback)}."
    )


def _cost(cost: FinetuningCost) -> str:
    text = f"{joules_words(cost.energy_j)}{' (estimated)' if cost.estimated else ''}"
    if cost.runs == 1:
        return text
    text += f", the mean of {count_of(cost.runs, 'runs')}"
    apart = cost.highest_j > 1.005 * cost.lowest_j  # in the digits that are shown
    return f"{text} ({joules_words(cost.lowest_j)} to {joules_words(cost.highest_j)})" if apart else text


def _interval(payback: Payback) -> str:
    if payback.low is None:
        return ""
    if payback.high is None:
        return f" (95 %: at least {count_words(payback.low)})"
    low, high = count_words(payback.low), count_words(payback.high)
    return "" if low == high else f" (95 %: {low} to {high})"


def joules_words(energy_j: float) -> str:
    """ "3.12 kJ", "1.40 MJ": three digits."""
    for factor, unit in ((1e6, "MJ"), (1e3, "kJ"), (1.0, "J")):
        if energy_j >= factor or unit == "J":
            break
    return format_with_uncertainty(energy_j / factor, unit=unit)


def count_words(number: float) -> str:
    """ "67 thousand", "1.2 million": two digits."""
    rounded = float(f"{number:.1e}")
    for factor, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand"), (1.0, "")):
        if rounded >= factor or not word:
            break
    return f"{rounded / factor:.{1 if rounded / factor < 10 and word else 0}f}{word}"
