"""The process that reads the card: the shared ring, the serving loop, and how its failure reaches the load."""

import os
import threading
import time

import numpy as np
import pytest

from tests.make.meter import ConstantMeter
from trainables.energy import child
from trainables.energy.child import CAPACITY, ChildReader, serve
from trainables.energy.meter import MeterError
from trainables.energy.sampler import Sampler
from trainables.energy.trace import ROW_WIDTH
from trainables.energy.windows import window_energies


class Memory:
    """Memory of this process in place of shared memory."""

    def __init__(self) -> None:
        self.buf = bytearray(child._SIZE)


@pytest.fixture
def ring():
    return child._Ring(Memory())


class InProcess(ChildReader):
    """A reader whose "child" is a thread that serves the same ring."""

    def __init__(self, ring, meter) -> None:
        self._ring = ring
        self._process = type("Process", (), {"poll": staticmethod(lambda: None)})
        threading.Thread(target=serve, args=(meter, ring, os.getppid()), daemon=True).start()


def test_samples_come_back_in_order(ring):
    for i in range(5):
        ring.append((float(i),) * ROW_WIDTH)
    assert ring.since(2).reshape(-1, ROW_WIDTH)[:, 0].tolist() == [2.0, 3.0, 4.0]
    assert len(ring.since(5)) == 0


def test_the_oldest_samples_give_way(ring):
    ring.state[0] = CAPACITY - 1
    for i in range(3):
        ring.append((float(i),) * ROW_WIDTH)
    assert ring.since(CAPACITY - 1).reshape(-1, ROW_WIDTH)[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert len(ring.since(0)) == (CAPACITY - 1) * ROW_WIDTH


def test_windows_from_a_child_have_the_meters_joules(ring):
    meter = ConstantMeter(watts=10.0)
    read = ConstantMeter(watts=10.0)
    meter.child = InProcess(ring, read)
    with Sampler(meter) as sampler:
        sampler.cover(time.perf_counter())  # in a trial the warm-up does this
        start = time.perf_counter()
        time.sleep(0.1)
        end = time.perf_counter()
        sampler.cover(end)
        energies = window_energies(sampler.trace(), np.array([start, end]))
        first = len(sampler.trace())
    assert energies.energy_j[0] == pytest.approx(10.0 * (end - start), rel=0.03)  # 2 ms of polling in 100 ms
    with Sampler(meter) as again:
        again.cover(time.perf_counter())
        assert len(again.trace()) < first  # each sampler sees its own time only
    read.left = 0  # ends the thread


def test_a_sensor_lost_in_the_child_fails_the_load_with_its_reason(ring):
    meter = ConstantMeter()
    meter.child = InProcess(ring, ConstantMeter(reads_before_failure=5))
    with pytest.raises(MeterError, match="GPU is lost"), Sampler(meter) as sampler:
        sampler.cover(time.perf_counter() + 5)


def test_any_meter_can_be_read_by_a_process_of_its_own():
    meter = ConstantMeter(watts=10.0)
    reader = ChildReader("tests.make.meter:ten_watts", ())
    meter.child = reader
    try:
        with Sampler(meter) as sampler:
            sampler.cover(time.perf_counter())
            start = time.perf_counter()
            time.sleep(0.1)
            end = time.perf_counter()
            sampler.cover(end)
            energies = window_energies(sampler.trace(), np.array([start, end]))
        assert energies.energy_j[0] == pytest.approx(10.0 * (end - start), rel=0.1)
        assert meter.left is None  # not read in this process
    finally:
        reader.close()


def test_a_child_that_cannot_start_says_why():
    reader = ChildReader("trainables.energy.meters.nvml:reopen", ("GPU-00000000-0000-0000-0000-000000000000", "0.1"))
    try:
        with pytest.raises(MeterError, match=r"NVML|card|pynvml"):
            reader.wait_for(1)
    finally:
        reader.close()
        reader.close()
    with pytest.raises(MeterError, match="closed"):
        reader.since(0)
