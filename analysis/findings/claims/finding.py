"""What rows say about one claim: the numbers, and the verdict that they allow."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.findings.verdict import FAILS, HOLDS, UNKNOWN


@dataclass(frozen=True)
class Finding:
    """One claim on one task. Numbers are None where a row is missing or does not say.

    A window shorter than the sensor averages over understates the energy. On the "to" side alone that inflates the
    ratio: one that is too small even so refutes the claim, one that is large enough proves nothing.
    """

    claim: str
    task: str
    claimed_ratio: float
    needed_ratio: float  # from which on the claim is met
    accuracy_unchanged: bool  # the claim says so
    accuracy_tolerance: float  # loss that counts as unchanged, a fraction
    sensor_averaging_s: float
    problem: str = ""  # why the rows say nothing; then all below are unknown
    measured_ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    interval_kind: str = "none"
    accuracy_change: float | None = None  # fraction, "to" minus "from"
    window_s: tuple[float, float] | None = None  # shortest windows of "from" and "to"
    mean_power_w: tuple[float, float] | None = None
    flags: tuple[str, ...] = ()  # of either side, that make an energy invalid; short windows are told by `window_s`

    @property
    def short_windows(self) -> tuple[float, ...]:
        """Windows (s) shorter than the sensor averages over."""
        return tuple(w for w in self.window_s or () if w < self.sensor_averaging_s)

    @property
    def doubtful(self) -> bool:
        """The energies themselves cannot be trusted."""
        return self.window_s is None or bool(self.short_windows or self.flags)

    @property
    def trustworthy(self) -> bool:
        """Windows long enough for the sensor, no invalid flag."""
        return not self.problem and not self.doubtful

    @property
    def inflated(self) -> bool:
        """If the ratio errs, then upwards: the windows of "from" are long enough."""
        return self.window_s is not None and self.window_s[0] >= self.sensor_averaging_s

    @property
    def accuracy_lost(self) -> bool:
        """Accuracy falls by more than the tolerance, and the claim says that it does not."""
        return (
            self.accuracy_unchanged
            and self.accuracy_change is not None
            and self.accuracy_change < -self.accuracy_tolerance
        )

    @property
    def too_small(self) -> bool:
        """The whole interval of the ratio lies below what the claim needs."""
        high = self.measured_ratio if self.ratio_high is None else self.ratio_high
        return high is not None and high < self.needed_ratio

    @property
    def perhaps_too_small(self) -> bool:
        """Some of the interval does."""
        low = self.measured_ratio if self.ratio_low is None else self.ratio_low
        return low is not None and low < self.needed_ratio

    @property
    def verdict(self) -> str:
        """HOLDS, FAILS or UNKNOWN."""
        if self.problem:
            return UNKNOWN
        if self.accuracy_lost or (self.too_small and (self.inflated or not self.doubtful)):
            return FAILS
        accuracy_unknown = self.accuracy_unchanged and self.accuracy_change is None
        return UNKNOWN if self.doubtful or self.perhaps_too_small or accuracy_unknown else HOLDS
