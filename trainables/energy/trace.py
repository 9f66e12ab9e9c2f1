"""Raw sensor samples, and their file. Needs no sensor, GPU or torch.

`counter.py` and `power.py` compute joules from them, `windows.py` what a row says of its windows.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trainables.energy.meter import Sample
from trainables.energy.sources import SOURCES

Floats = npt.NDArray[np.float64]

# Time, energy and power keep float64: microseconds on a clock that reads 1e6 s, millijoules on a counter that
# reads 1e9 J and exact sums of watts. The rest is coarse (1 C, 1 MHz, read times of milliseconds).
_FIELDS: tuple[tuple[str, str], ...] = (
    ("time_s", "float64"),
    ("read_s", "float32"),
    ("energy_j", "float64"),
    ("power_w", "float64"),
    ("temperature_c", "float32"),
    ("sm_clock_mhz", "float32"),
    ("throttle", "int64"),
)
ROW_WIDTH = len(_FIELDS)


def sample_row(sample: Sample) -> tuple[float, ...]:
    """A sample as ROW_WIDTH floats in the order of a trace's arrays; NaN for None."""
    nan = float("nan")
    return (
        sample.time_s,
        sample.read_s,
        nan if sample.energy_j is None else sample.energy_j,
        nan if sample.power_w is None else sample.power_w,
        nan if sample.temperature_c is None else sample.temperature_c,
        nan if sample.sm_clock_mhz is None else sample.sm_clock_mhz,
        float(sample.throttle),
    )


@dataclass(frozen=True)
class Trace:
    """Samples in the order of time: seven arrays of one length, NaN where the device has no such reading.

    `source` (of `sources.SOURCES`) names the reading that is the headline, `tick_s` the sensor's period. Both travel
    with the samples: a stored trace and the edges of its windows are all that energies need.
    """

    time_s: Floats  # middle of the read, time.perf_counter
    read_s: npt.NDArray[np.float32]  # how long it took
    energy_j: Floats  # cumulative counter
    power_w: Floats
    temperature_c: npt.NDArray[np.float32]
    sm_clock_mhz: npt.NDArray[np.float32]
    throttle: npt.NDArray[np.int64]  # bits that the source explains
    source: str
    tick_s: float
    power_limit_w: float | None = None  # that the device enforces

    @classmethod
    def from_rows(cls, rows: npt.ArrayLike, source: str, tick_s: float, power_limit_w: float | None = None) -> "Trace":
        """From floats of shape (n, ROW_WIDTH), or flat, as `sample_row` orders them."""
        table = np.asarray(rows, np.float64).reshape(-1, ROW_WIDTH)
        arrays: dict[str, Any] = {name: table[:, i].astype(dtype) for i, (name, dtype) in enumerate(_FIELDS)}
        return cls(**arrays, source=source, tick_s=tick_s, power_limit_w=power_limit_w)

    @classmethod
    def from_samples(
        cls, samples: Iterable[Sample], source: str, tick_s: float, power_limit_w: float | None = None
    ) -> "Trace":
        return cls.from_rows([sample_row(s) for s in samples], source, tick_s, power_limit_w)

    def __len__(self) -> int:
        return len(self.time_s)

    def to_parquet_bytes(self) -> bytes:
        """A Parquet file (zstd), some ten bytes a sample; `from_parquet_bytes` gives back the same trace."""
        table = pa.table({name: getattr(self, name) for name, _ in _FIELDS})
        limit = {} if self.power_limit_w is None else {"power_limit_w": repr(self.power_limit_w)}
        table = table.replace_schema_metadata({"source": self.source, "tick_s": repr(self.tick_s), **limit})
        # Timestamps differ in their low bytes only, which byte-stream splitting lets zstd see; the other
        # columns repeat their values, which is what dictionaries are for.
        changing = ["time_s", "read_s"]
        sink = io.BytesIO()
        pq.write_table(
            table,
            sink,
            compression="zstd",
            use_dictionary=[name for name, _ in _FIELDS if name not in changing],
            column_encoding=dict.fromkeys(changing, "BYTE_STREAM_SPLIT"),
            write_statistics=False,
        )
        return sink.getvalue()

    @classmethod
    def from_parquet_bytes(cls, data: bytes) -> "Trace":
        """Raises ValueError when the file is not a trace."""
        table = pq.read_table(io.BytesIO(data))
        meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        missing = {name for name, _ in _FIELDS} - set(table.column_names)
        if missing or not {"source", "tick_s"} <= set(meta):
            raise ValueError(f"not a trace of sensor samples: columns {table.column_names}, metadata {meta}")
        if meta["source"] not in SOURCES:
            raise ValueError(f"a trace's source must be one of {', '.join(SOURCES)}, but is {meta['source']!r}")
        arrays: dict[str, Any] = {name: table.column(name).to_numpy().astype(dtype) for name, dtype in _FIELDS}
        limit = float(meta["power_limit_w"]) if "power_limit_w" in meta else None
        return cls(**arrays, source=meta["source"], tick_s=float(meta["tick_s"]), power_limit_w=limit)


def window_bounds(edges: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Starts and ends (s) of n contiguous windows (n + 1 edges) or separate ones (array of shape (n, 2))."""
    times = np.asarray(edges, np.float64)
    if times.ndim == 2 and times.shape[1] == 2:
        starts, ends = times[:, 0], times[:, 1]
    elif times.ndim == 1 and len(times) >= 2:
        starts, ends = times[:-1], times[1:]
    else:
        raise ValueError(f"edges must be n + 1 times, or pairs of shape (n, 2), but have shape {times.shape}")
    if not (ends > starts).all() or not (starts[1:] >= ends[:-1]).all():
        raise ValueError("windows must have positive length, follow each other in time and not overlap")
    return starts, ends
