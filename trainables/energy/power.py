"""Energy by power readings, integrated with the trapezoid rule."""

import numpy as np
import numpy.typing as npt

from trainables.energy.trace import Floats, Trace, window_bounds


def power_energy(trace: Trace, edges: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Energy of each window by integrated power (J), and a bound of its error (J).

    Trapezoid rule with power interpolated at the edges: exact for piecewise-linear power read at its knots.
    Otherwise, for power that stays between two successive readings, which are at most `tick_s` old, the error
    is at most the sum over readings of |change| x (time between readings / 2 + tick_s).
    NaN where an edge lies outside the readings.
    """
    starts, ends = window_bounds(edges)
    known = np.isfinite(trace.power_w)
    time, power = trace.time_s[known], trace.power_w[known]
    if len(time) < 2:
        return np.full(starts.shape, np.nan), np.full(starts.shape, np.nan)
    gap, change = np.diff(time), np.diff(power)
    total = np.concatenate([[0.0], np.cumsum((power[1:] + power[:-1]) / 2 * gap)])
    error = np.concatenate([[0.0], np.cumsum(np.abs(change) * (gap / 2 + trace.tick_s))])

    def integral(t: Floats) -> Floats:
        i = np.clip(np.searchsorted(time, t, side="right") - 1, 0, len(gap) - 1)
        x = t - time[i]
        return total[i] + power[i] * x + change[i] / gap[i] * x * x / 2

    first = np.clip(np.searchsorted(time, starts, side="right") - 1, 0, len(time) - 1)
    shown_s = ends + trace.tick_s  # by then the readings show what power did up to the end
    last = np.clip(np.searchsorted(time, shown_s, side="left"), 0, len(time) - 1)
    inside = (starts >= time[0]) & (ends <= time[-1])
    return (
        np.where(inside, integral(ends) - integral(starts), np.nan),
        np.where(inside, error[last] - error[first], np.nan),
    )
