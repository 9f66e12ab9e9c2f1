"""Drivers, packages and files that answer little or nonsense: measuring goes on with what is there, or says why not."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from search_spaces.errors import UsageError
from tests.make.nvml import UUID_A, UUID_B, FakeCard, FakeNvml, NVMLError, Power, poll
from tests.make.powercap import zone
from trainables.energy.meter import MeterError, SensorUnavailable
from trainables.energy.meters import nvml as nvml_module
from trainables.energy.meters import rapl
from trainables.energy.meters.cpu import cpu_name
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.meters.nvml_library import handles, load_nvml
from trainables.energy.meters.rapl import RaplMeter, package_zones
from trainables.energy.open_meter import open_meter
from trainables.energy.trace import Trace
from trainables.energy.windows import window_energies
from tuner.doctor import as_json, as_text, diagnose

UNKNOWN = 999  # NVML_ERROR_UNKNOWN
CALLS = sorted(name for name in dir(FakeNvml) if name.startswith("nvml"))
NEEDED = {"nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetUUID"}


def opened(nvml: FakeNvml) -> NvmlMeter:
    return NvmlMeter(UUID_A, nvml=nvml, clock=nvml.clock, sleep=nvml.clock.sleep)


def still_measures(meter: NvmlMeter, nvml: FakeNvml, watts: float = 300.0) -> None:
    """Energy and identity are right, whatever else is missing."""
    start = nvml.clock()
    trace = Trace.from_samples(poll(meter, nvml.clock, 4.0), meter.source, meter.tick_s, meter.power_limit_w())
    result = window_energies(trace, [start + 0.5, start + 2.0, start + 3.5])
    assert result.total_energy_j == pytest.approx(3 * watts, rel=0.02)
    assert meter.device.uuid == UUID_A
    meter.foreign_processes()


# ---- old pynvml ------------------------------------------------------------------------------------------


class BytesNvml(FakeNvml):
    """pynvml 11.4: texts are bytes."""

    def nvmlDeviceGetUUID(self, card: FakeCard) -> Any:
        return super().nvmlDeviceGetUUID(card).encode()

    def nvmlDeviceGetName(self, card: FakeCard) -> Any:
        return super().nvmlDeviceGetName(card).encode()

    def nvmlSystemGetDriverVersion(self) -> Any:
        return super().nvmlSystemGetDriverVersion().encode()


def test_bytes_are_text() -> None:
    nvml = BytesNvml(FakeCard(UUID_B, name="other"), FakeCard(UUID_A))
    meter = opened(nvml)
    assert (meter.device.name, meter.device.details["driver"]) == ("NVIDIA Fake 80GB", "580.00")
    still_measures(meter, nvml)
    assert [uuid for uuid, _ in handles(nvml)] == [UUID_B, UUID_A]


def test_the_doctor_reads_bytes_too(tmp_path: Path) -> None:
    nvml = BytesNvml(FakeCard())
    found = diagnose(nvml, tmp_path, clock=nvml.clock, sleep=nvml.clock.sleep)
    assert "b'" not in as_text(found) + as_json(found)
    assert UUID_A in as_text(found)


def test_mig_is_refused_by_the_name_of_the_card_in_bytes() -> None:
    with pytest.raises(UsageError, match=f"but {UUID_A} has MIG"):
        opened(BytesNvml(FakeCard(mig=True)))


@pytest.mark.parametrize("call", ["nvmlDeviceGetName", "nvmlSystemGetDriverVersion"])
@pytest.mark.parametrize("answer", ["undecodable", "bytes"])
def test_a_text_that_cannot_be_decoded(call: str, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """nvidia-ml-py decodes by itself and raises; old pynvml hands on the bytes."""
    nvml = FakeNvml(FakeCard())
    raw = b"NVIDIA \xff\xfe 80GB"
    monkeypatch.setattr(nvml, call, lambda *_: raw if answer == "bytes" else raw.decode())
    meter = opened(nvml)
    assert meter.device.name.startswith("NVIDIA")
    meter.device.name.encode()
    still_measures(meter, nvml)


def test_a_card_whose_uuid_cannot_be_read_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard(UUID_B), FakeCard(UUID_A))
    real = nvml.nvmlDeviceGetUUID
    monkeypatch.setattr(nvml, "nvmlDeviceGetUUID", lambda card: b"\xff".decode() if card.uuid == UUID_B else real(card))
    still_measures(opened(nvml), nvml)


# ---- calls that are missing or fail ----------------------------------------------------------------------


def missing(*_: Any) -> Any:
    raise AttributeError("module 'pynvml' has no attribute of that name")


def unknown_error(*_: Any) -> Any:
    raise NVMLError(UNKNOWN)


def nonsense(*_: Any) -> Any:
    return None


@pytest.mark.parametrize("fault", [missing, unknown_error, nonsense])
@pytest.mark.parametrize("call", [c for c in CALLS if c not in NEEDED])
def test_a_call_that_nothing_depends_on(call: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard())
    monkeypatch.setattr(nvml, call, fault)
    meter = opened(nvml)
    still_measures(meter, nvml)
    assert meter.source == ("nvml_power" if call == "nvmlDeviceGetTotalEnergyConsumption" else "nvml_counter")
    found = diagnose(nvml, Path("/nowhere"), clock=nvml.clock, sleep=nvml.clock.sleep)
    assert UUID_A in as_text(found)
    meter.close()


@pytest.mark.parametrize("fault", [missing, unknown_error, nonsense])
@pytest.mark.parametrize("call", sorted(NEEDED - {"nvmlInit"}))
def test_a_call_without_which_no_card_is_found_is_one_line(
    call: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml(FakeCard())
    monkeypatch.setattr(nvml, call, fault)
    monkeypatch.setattr(nvml_module, "load_nvml", lambda: nvml)
    with pytest.raises((SensorUnavailable, UsageError)) as raised:
        opened(nvml)
    assert "\n" not in str(raised.value)
    assert nvml.users == 0
    with pytest.raises(UsageError):
        open_meter("cuda", UUID_A)
    assert diagnose(nvml, Path("/nowhere")).lines


@pytest.mark.parametrize("fault", [missing, unknown_error])
def test_a_library_that_does_not_start_is_no_sensor(fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard())
    monkeypatch.setattr(nvml, "nvmlInit", fault)
    with pytest.raises(SensorUnavailable, match="install NVIDIA's driver"):
        opened(nvml)


def test_power_that_fails_where_there_is_no_counter_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard(has_counter=False, has_instant=False))
    monkeypatch.setattr(nvml, "nvmlDeviceGetPowerUsage", unknown_error)
    with pytest.raises(SensorUnavailable, match=r"neither energy nor power.*power_usage: error 999"):
        opened(nvml)


@pytest.mark.parametrize(
    "call", ["nvmlDeviceGetTemperature", "nvmlDeviceGetClockInfo", "nvmlDeviceGetCurrentClocksEventReasons"]
)
def test_a_side_reading_that_fails_in_the_middle_is_missing_there(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard())
    meter = opened(nvml)
    monkeypatch.setattr(nvml, call, unknown_error)
    still_measures(meter, nvml)


def test_power_that_fails_beside_a_counter_is_missing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard())
    meter = opened(nvml)
    monkeypatch.setattr(nvml, "nvmlDeviceGetFieldValues", unknown_error)
    assert meter.read().power_w is None
    still_measures(meter, nvml)


@pytest.mark.parametrize("fault", [unknown_error, nonsense])
def test_the_headline_that_fails_in_the_middle_fails_the_trial(
    fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml(FakeCard())
    meter = opened(nvml)
    monkeypatch.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", fault)
    with pytest.raises(MeterError, match=UUID_A):
        meter.read()
    without = FakeNvml(FakeCard(has_counter=False))
    by_power = opened(without)
    monkeypatch.setattr(without, "nvmlDeviceGetFieldValues", fault)
    with pytest.raises(MeterError, match=UUID_A):
        by_power.read()


def test_a_driver_before_535_gives_its_throttle_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeCard())
    monkeypatch.setattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", missing)
    monkeypatch.setattr(nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", lambda card: 0x4, raising=False)
    assert opened(nvml).read().throttle == 0x4


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (SimpleNamespace(__file__="/x/pynvml/__init__.py"), "is not NVIDIA's .*/x/pynvml.*pip uninstall pynvml"),
        (SyntaxError("Missing parentheses in call to 'print'"), "cannot be imported.*pip uninstall pynvml"),
        (OSError("libnvidia-ml.so.1: wrong ELF class"), "cannot be imported"),
        (ImportError("No module named 'pynvml'"), "pip install nvidia-ml-py"),
    ],
)
def test_another_package_of_that_name_is_one_line(module: object, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> object:
        if isinstance(module, Exception):
            raise module
        return module

    monkeypatch.setattr(importlib, "import_module", load)
    with pytest.raises(SensorUnavailable, match=says):
        load_nvml()


# ---- RAPL ------------------------------------------------------------------------------------------------


def estimated(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the processor's energy is estimated: the reason kept with the run, and the doctor's."""
    meter = RaplMeter
    monkeypatch.setattr(rapl, "RaplMeter", lambda: meter(root))
    opened_ = open_meter("cpu")
    assert opened_.source == "estimate"
    why = str(opened_.device.details["no_sensor"])
    lines = [line for line in diagnose(FakeNvml(init_error=9), root).lines if line.check == "RAPL"]
    assert [line.verdict for line in lines] == ["cannot measure"]
    assert lines[0].value in why
    return why


def dangling(root: Path, name: str = "intel-rapl:0") -> None:
    root.mkdir(exist_ok=True)
    (root / name).symlink_to(root / ".." / "masked" / name)


def test_a_dangling_package_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "powercap"
    dangling(root)
    dangling(root, "intel-rapl:1")
    assert package_zones(root) == []
    assert "no RAPL package" in estimated(root, monkeypatch)


def test_one_package_of_two_is_no_energy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "powercap"
    zone(root, "intel-rapl:0", "package-0", 100)
    dangling(root, "intel-rapl:1")
    assert "intel-rapl:1 has no name" in estimated(root, monkeypatch)


@pytest.mark.parametrize("which", ["energy_uj", "max_energy_range_uj"])
@pytest.mark.parametrize("content", ["", "\n", "abc", "12.5", "1 2", "\xff\xfe", None])
def test_a_file_without_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, content: str | None
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 100)
    path = zone(tmp_path, "intel-rapl:1", "package-1", 100)
    (path / which).unlink()
    if content is not None:
        (path / which).write_bytes(content.encode("latin-1"))
    assert "RAPL cannot be read" in estimated(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", [b"", b"\n", b"\xff\xfe"])
def test_a_zone_without_a_readable_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    (path / "name").write_bytes(name)
    assert "no RAPL package" in estimated(tmp_path, monkeypatch)


def test_a_folder_where_a_file_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    (path / "energy_uj").unlink()
    (path / "energy_uj").mkdir()
    assert "RAPL cannot be read" in estimated(tmp_path, monkeypatch)


def test_a_counter_of_a_virtual_machine_that_never_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    assert "does not count" in estimated(tmp_path, monkeypatch)


@pytest.mark.parametrize("content", ["", "abc", "\xff"])
def test_a_number_that_is_lost_in_the_middle_is_a_meter_error(tmp_path: Path, content: str) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    meter = RaplMeter(tmp_path)
    (path / "energy_uj").write_bytes(content.encode("latin-1"))
    with pytest.raises(MeterError, match="reading RAPL failed"):
        meter.read()


@pytest.mark.seconds
@pytest.mark.parametrize(("range_uj", "last", "now"), [(1_000_000, 300_000, 100), (0, 300_000, 100)])
def test_a_counter_that_starts_again_is_not_taken_for_one_that_wraps(
    tmp_path: Path, range_uj: int, last: int, now: int
) -> None:
    """A reloaded driver begins at 0: the whole range would be counted as energy."""
    path = zone(tmp_path, "intel-rapl:0", "package-0", last, range_uj)
    times = iter(t / 100 for t in range(10_000))
    meter = RaplMeter(tmp_path, clock=lambda: next(times))
    samples = []
    for i in range(1000):
        (path / "energy_uj").write_text(str(last + 100 * i if i < 500 else now + 100 * i))
        samples.append(meter.read())
    result = window_energies(Trace.from_samples(samples, "rapl", 0.001), [1.0, 15.0])
    assert "counter_reset" in result.flags
    assert result.total_energy_j is None


def test_a_processor_whose_name_cannot_be_decoded(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_bytes(b"model name\t: Intel \xff Xeon\n")
    assert cpu_name(tmp_path / "cpuinfo").startswith("Intel")


def test_a_power_step_still_measures_by_an_old_package() -> None:
    card = FakeCard(power=Power((0, 300.0)), has_instant=False)
    nvml = BytesNvml(card)
    still_measures(opened(nvml), nvml)
