"""What a running sweep tells Prometheus, through `ray.util.metrics`: Ray exports each metric as ray_<name>.

The driver sets them from finished rows, so all of them are at the metrics port of the driver's node. What Ray 2.60
makes of them decides the rest (docs/watching.md): a gauge is forgotten two report intervals (2 x 10 s) after it was
last set, so `refresh` sets them again and what is null vanishes; one value that is not finite stops the export of every
metric of the process; a tag set of a counter lives as long as the driver, so tags name things of which there are
few (cards, states, flags), never trials.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ray.util.metrics import Counter, Gauge

from analysis.rows.cards import short_uuid


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Literal["gauge", "counter"]
    tags: tuple[str, ...]
    meaning: str
    column: str = ""  # of the row that a gauge per slot is set from

    @property
    def exported(self) -> str:
        """The name Prometheus sees."""
        return f"ray_{self.name}" + ("_total" if self.kind == "counter" else "")


METRICS: tuple[Metric, ...] = (
    Metric(
        "jouletune_trials",
        "gauge",
        ("phase", "state"),
        "trials of this start by state: waiting, running, ok, pruned, failed, oom; kept: of an earlier start",
    ),
    Metric("jouletune_rows", "counter", ("slot", "status"), "rows written by this start, by slot and status"),
    Metric("jouletune_flags", "counter", ("slot", "flag"), "rows of this start that carry a flag"),
    Metric("jouletune_last_row_unix_s", "gauge", ("slot",), "UNIX time at which the slot's last row came in"),
    Metric("jouletune_accuracy", "gauge", ("slot",), "accuracy (fraction) of the slot's last trial", "accuracy"),
    Metric(
        "jouletune_energy_j_per_example",
        "gauge",
        ("slot", "energy_source"),
        "J/example of the slot's last trial; energy_source estimate is no measurement",
        "energy_j_per_example",
    ),
    Metric(
        "jouletune_latency_ms_per_example",
        "gauge",
        ("slot",),
        "ms/example of the slot's last trial",
        "latency_ms_per_example",
    ),
    Metric(
        "jouletune_mean_power_w",
        "gauge",
        ("slot", "energy_source"),
        "mean W over the windows of the slot's last trial",
        "mean_power_w",
    ),
    Metric(
        "jouletune_gpu_temperature_c",
        "gauge",
        ("slot",),
        "C of the card at the end of the slot's last trial",
        "temperature_end_c",
    ),
    Metric("jouletune_hypervolume", "gauge", (), "hypervolume of a search's frontier (docs/search.md)"),
    Metric("jouletune_frontier_size", "gauge", (), "configurations on a search's frontier"),
)
BY_SLOT = tuple(m for m in METRICS if m.column)
REFRESH_S = 1.0  # Ray exports once a second at most


class SweepMetrics:
    """The metrics of one phase of a driver. Needs no dashboard; where no Ray runs nothing is exported."""

    def __init__(self) -> None:
        self._counters = {m.name: Counter(m.name, m.meaning, m.tags) for m in METRICS if m.kind == "counter"}
        self._gauges = {m.name: Gauge(m.name, m.meaning, m.tags) for m in METRICS if m.kind == "gauge"}
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._refreshed_s = 0.0

    def trials(self, phase: str, states: Mapping[str, int]) -> None:
        """How many trials of a phase ("finetune", "measure") are in each state."""
        for state, count in states.items():
            self._set("jouletune_trials", count, phase=phase, state=state)

    def row(self, row: Mapping[str, Any], now_unix_s: float) -> None:
        """A finished measuring trial: what it did not measure is no longer exported."""
        slot = slot_of(row)
        self._counters["jouletune_rows"].inc(1, {"slot": slot, "status": str(row["status"])})
        for flag in filter(None, str(row.get("flags") or "").split(";")):
            self._counters["jouletune_flags"].inc(1, {"slot": slot, "flag": flag})
        self._set("jouletune_last_row_unix_s", now_unix_s, slot=slot)
        source = str(row.get("energy_source") or "none")
        own = {m.name for m in BY_SLOT}
        for key in [k for k in self._values if k[0] in own and ("slot", slot) in k[1]]:
            del self._values[key]  # also where the source of the energy was another
        for metric in BY_SLOT:
            tags = {"energy_source": source} if "energy_source" in metric.tags else {}
            self._set(metric.name, row.get(metric.column), slot=slot, **tags)

    def frontier(self, hypervolume: float, size: int) -> None:
        """Where a search stands."""
        self._set("jouletune_hypervolume", hypervolume)
        self._set("jouletune_frontier_size", size)

    def refresh(self, now_s: float) -> None:
        """Set every gauge again, at most once in `REFRESH_S`. now_s: of a monotonic clock."""
        if now_s - self._refreshed_s < REFRESH_S:
            return
        self._refreshed_s = now_s
        for (name, tags), value in self._values.items():
            self._gauges[name].set(value, dict(tags))

    def _set(self, name: str, value: Any, **tags: str) -> None:
        key = name, tuple(tags.items())
        if value is None or not math.isfinite(value):
            self._values.pop(key, None)
            return
        self._values[key] = float(value)
        self._gauges[name].set(float(value), tags)


def slot_of(row: Mapping[str, Any]) -> str:
    """Where a trial ran: "host/GPU-3f2a91c4", "host/cpu"; the same for every trial of a card, whoever measured it."""
    host = str(row.get("worker") or "unknown").rpartition(":")[0] or "unknown"
    return f"{host}/{short_uuid(str(row['gpu_uuid'])) if row.get('gpu_uuid') else 'cpu'}"
