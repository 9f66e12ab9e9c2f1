"""Samples and their file, and the edges of windows."""

import io
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.make.nvml import FakeCard, Power
from tests.make.traces import record
from trainables.energy.counter import counter_energy
from trainables.energy.trace import Trace, window_bounds


def test_edges_are_contiguous_or_pairs() -> None:
    assert [a.tolist() for a in window_bounds([1, 2, 4])] == [[1, 2], [2, 4]]
    assert [a.tolist() for a in window_bounds([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]


@pytest.mark.parametrize("edges", [[1.0], [2.0, 1.0], [[1, 3], [2, 4]], [[1, 2, 3]], 5.0])
def test_bad_edges_are_refused(edges: object) -> None:
    with pytest.raises(ValueError, match=r"edges must|windows must"):
        window_bounds(edges)  # type: ignore[arg-type]


def test_parquet_gives_back_the_same_trace_and_energies() -> None:
    trace = record(FakeCard(power=Power((0, 300), (9, 600))), 8)
    data = trace.to_parquet_bytes()
    again = Trace.from_parquet_bytes(data)
    for name in ("time_s", "read_s", "energy_j", "power_w", "temperature_c", "sm_clock_mhz", "throttle"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trace, name))
        assert getattr(again, name).dtype == getattr(trace, name).dtype
    assert (again.source, again.tick_s) == ("nvml_counter", trace.tick_s)
    edges = trace.time_s[0] + np.array([1.0, 3.0, 5.0])
    np.testing.assert_array_equal(counter_energy(again, edges), counter_energy(trace, edges))
    assert len(data) < 20 * len(trace)


def test_a_foreign_parquet_file_is_refused() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), sink)
    with pytest.raises(ValueError, match="not a trace"):
        Trace.from_parquet_bytes(sink.getvalue())


def test_an_empty_trace_comes_back_empty() -> None:
    assert len(Trace.from_parquet_bytes(Trace.from_rows([], "rapl", 0.001).to_parquet_bytes())) == 0


def test_the_file_of_a_source_that_is_not_known_is_refused() -> None:
    data = Trace.from_rows([], "amd_counter", 0.001).to_parquet_bytes()
    with pytest.raises(ValueError, match=r"source must be one of nvml_counter, .*, but is 'amd_counter'"):
        Trace.from_parquet_bytes(data)


def test_joules_need_neither_torch_nor_nvml() -> None:
    code = (
        "import sys, trainables.energy.windows; "
        "print([m for m in ('torch', 'pynvml', 'ray', 'transformers', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
