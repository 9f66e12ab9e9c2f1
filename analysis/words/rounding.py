"""Numbers as a reader should see them: no more digits than the uncertainty carries, and never a NaN."""

import math

MISSING = "–"
WIDE = 1 / 3  # half-width over value from which on an interval is told as a factor
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_with_uncertainty(value: float | None, half_width: float | None = None, unit: str = "") -> str:
    """The value and its half-width, rounded as `decimals_for` says.

    >>> format_with_uncertainty(0.019312, 0.00123, "J")
    '0.0193 ± 0.0012 J'
    >>> format_with_uncertainty(385.2, 12.7)
    '385 ± 13'
    >>> format_with_uncertainty(0.827, 0.367)
    '0.8 ± 0.4'

    A value below its half-width, though not far below, keeps its first digit: 9 ± 61, not 10 ± 60.
    Without a half-width (null, or not above zero) three significant digits are shown. A null, NaN or infinite
    value is a dash. Below 1e-3 and from 1e6 the power of ten is written once.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    tail = f" {unit}" if unit else ""
    known = half_width is not None and math.isfinite(half_width) and half_width > 0
    size = max(abs(value), half_width) if known and half_width else abs(value)
    exponent = math.floor(math.log10(size)) if size else 0
    if size and (exponent < -3 or exponent >= 6):
        scale = 10.0**exponent
        inner = format_with_uncertainty(value / scale, half_width / scale if known and half_width else None)
        power = f"10{str(exponent).translate(_SUPERSCRIPT)}"
        return f"({inner})×{power}{tail}" if "±" in inner else f"{inner}×{power}{tail}"
    if not known or half_width is None:
        return _minus(f"{_significant(value, 3)}{tail}")
    places = decimals_for(half_width)
    if half_width / 10 < abs(value) < half_width:  # keeps a digit, with at most one more of the uncertainty
        places = max(places, min(-math.floor(math.log10(abs(value))), places + 1))
    return _minus(f"{_fixed(value, places)} ± {_fixed(half_width, places)}{tail}")


def format_interval(value: float | None, low: float | None, high: float | None, unit: str = "") -> str:
    """ "2.61× (2.55 to 2.68)": a value with the ends of its interval, rounded as `decimals_for` says of its nearer
    end (a ratio's is the lower one, however far the upper), but to two more digits than half its width at most."""
    if value is None or not math.isfinite(value):
        return MISSING
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return f"{_minus(_significant(value, 3))}{unit}"
    places = decimals_for((high - low) / 2)
    if low < value < high:
        places = min(decimals_for(min(value - low, high - value)), places + 2)
    return _minus(f"{_fixed(value, places)}{unit} ({_fixed(low, places)} to {_fixed(high, places)})")


def format_factor(value: float | None, low: float | None, high: float | None) -> str:
    """ "5.9 ×/÷ 1.15": a positive value with an interval that is as many times larger as smaller, such as a ratio's;
    the value alone where there is none."""
    shown = format_interval(value, low, high).split(" (")[0]
    if shown == MISSING or value is None or low is None or high is None:
        return shown
    if not (0 < low < high and math.isfinite(high)):
        return shown
    return f"{shown} {within_factor(math.sqrt(high / low))}"


def format_positive(value: float | None, half_width: float | None = None) -> str:
    """A value that cannot be below zero: "7.31 ± 0.02", and "21 ×/÷ 3.6" where its half-width is above a third of it,
    since ± would then reach to zero or far too near it."""
    if value is None or half_width is None or not half_width > WIDE * value or not math.isfinite(half_width):
        return format_with_uncertainty(value, half_width)
    return f"{_minus(_significant(value, 2))} {within_factor(math.exp(half_width / value))}"


def within_factor(factor: float) -> str:
    """ "×/÷ 1.15": two digits of what it is above 1 by, and never more than a reader needs."""
    above = factor - 1
    places = max(0, min(3, 1 - math.floor(math.log10(above)))) if above > 0 else 0
    return f"×/÷ {factor:.{places}f}" if factor < 10 else f"×/÷ {_significant(factor, 2)}"


def count_of(number: int, unit: str) -> str:
    """ "12 layers", and "1 layer"."""
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}"


def format_percent(value: float) -> str:
    """Two significant digits and no power of ten: "7.8 %", "250 %"."""
    return f"{_minus(_significant(value, 2))} %"


def times(value: float) -> str:
    """ "14.9×": a ratio for a title; its interval is in the table."""
    return f"{format_with_uncertainty(value)}×"


def points_word(tolerance: float) -> str:
    """0.01 -> "1 point", 0.005 -> "0.5 points"."""
    return f"{100 * tolerance:g} point{'' if round(100 * tolerance, 9) == 1 else 's'}"


def points_change(value: float, examples: float | None = math.inf) -> str:
    """A change of accuracy in points, with the digits that this many examples can show: "−0.6", "+0.03"."""
    places = 2 if examples is not None and examples >= 5000 else 1  # NaN: one
    text = f"{100 * value + 0.0:+.{places}f}"
    return "0" if float(text) == 0 else _minus(text)


def decimals_for(half_width: float) -> int:
    """Decimal places for a number with this uncertainty; negative means tens, hundreds, ...

    The rule of the Particle Data Group (Review of Particle Physics, Introduction, 5.3): where the three
    leading digits of the uncertainty are 100 to 354 two digits are kept, from 355 to 949 one,
    and above that it is 1000.
    """
    exponent = math.floor(math.log10(half_width))
    leading = round(half_width / 10.0**exponent * 100)
    if leading < 355:
        return 1 - exponent
    return -exponent


def _fixed(value: float, places: int) -> str:
    return f"{round(value, places) + 0.0:.{max(places, 0)}f}"


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")  # 99.96 becomes 100 here, and loses a decimal below
    return _fixed(value, digits - 1 - math.floor(math.log10(abs(rounded))))


def _minus(text: str) -> str:
    return text.replace("-", "−")
