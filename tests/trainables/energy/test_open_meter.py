"""Which meter a device gets, from the sensors that are entered."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search_spaces.errors import UsageError
from tests.make.meter import ConstantMeter
from tests.make.nvml import UUID_A, FakeCard, FakeNvml
from tests.make.powercap import zone
from trainables.energy.idle import idle_power_w
from trainables.energy.meter import Target
from trainables.energy.meters import nvml, rapl
from trainables.energy.open_meter import open_meter
from trainables.energy.sampler import Sampler
from trainables.energy.sources import SOURCES, EnergySource
from trainables.energy.windows import window_energies

RaplMeter = rapl.RaplMeter


def test_sensors_are_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    monkeypatch.setattr(rapl, "RaplMeter", lambda: RaplMeter(tmp_path))
    assert open_meter("cpu", assumed_watts=5.0).source == "rapl"
    monkeypatch.setattr(rapl, "RaplMeter", lambda: RaplMeter(tmp_path / "missing"))
    estimate = open_meter("cpu", assumed_watts=5.0)
    assert estimate.source == "estimate"
    assert "no RAPL package" in str(estimate.device.details["no_sensor"])


def test_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "load_nvml", lambda: FakeNvml(init_error=9))
    with pytest.raises(UsageError, match=r"Driver Not Loaded.*tuner.doctor"):
        open_meter("cuda", UUID_A)
    meter = open_meter("cuda", UUID_A, 350.0)
    assert (meter.source, meter.read().power_w) == ("estimate", 350.0)
    assert meter.device.name == "GPU without a sensor"
    monkeypatch.setattr(nvml, "load_nvml", lambda: FakeNvml(FakeCard(mig=True)))
    with pytest.raises(UsageError, match="MIG"):
        open_meter("cuda", UUID_A, 350.0)
    with pytest.raises(UsageError, match="by its UUID"):
        open_meter("cuda")


def test_a_kind_of_device_that_nothing_meters_says_which_are() -> None:
    with pytest.raises(UsageError, match="a device must be one of cpu, cuda, but got 'npu'"):
        open_meter("npu")


@pytest.fixture
def made_up() -> Iterator[EnergySource]:
    """A sensor of 12 W, entered as the meter of a kind of device that nothing else meters."""
    source = EnergySource("made_up", "a made-up counter", "tests.make.meter", ("npu",), kind="npu", counter=True)
    yield SOURCES.add(source)
    del SOURCES["made_up"]


def test_a_new_sensor_is_its_file_and_its_entry(made_up: EnergySource) -> None:
    meter = open_meter("npu")
    assert isinstance(meter, ConstantMeter)
    assert idle_power_w(meter, 0.05) == pytest.approx(12.0, rel=0.01)
    with Sampler(meter) as sampler:
        sampler.cover(time.perf_counter())
        start = time.perf_counter()
        time.sleep(0.05)
        end = time.perf_counter()
        sampler.cover(end)
        energies = window_energies(sampler.trace(), np.array([start, end]))
    assert energies.source == made_up.name
    assert energies.energy_j[0] == pytest.approx(12.0 * (end - start), rel=0.05)
    assert energies.flags == {"short_window"}


def test_a_meter_of_a_source_that_is_not_entered_is_not_opened(
    made_up: EnergySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(target: Target) -> ConstantMeter:
        meter = ConstantMeter()
        meter.source = "of_tomorrow"
        return meter

    monkeypatch.setattr("tests.make.meter.open_meter", unknown)
    known = r"an energy source must be one of nvml_counter, .*, made_up, but got 'of_tomorrow'; enter it in"
    with pytest.raises(UsageError, match=known):
        open_meter("npu")
    with pytest.raises(UsageError, match=known):
        Sampler(unknown(Target("npu")))
