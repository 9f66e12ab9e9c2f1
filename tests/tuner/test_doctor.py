"""The doctor on scripted machines: a verdict and a remedy for each defect, and the exit code."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.make.nvml import UUID_A, UUID_B, FakeCard, FakeClock, FakeNvml, Power
from trainables.energy.meter import SensorUnavailable, Target
from trainables.energy.sources import SOURCES, EnergySource
from tuner import doctor
from tuner.doctor import Diagnosis, Line, as_json, as_text, diagnose


@pytest.fixture(autouse=True)
def _no_visible_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(doctor, "version", lambda package: _version(package))


def _version(package: str) -> str:
    if package == "amdsmi":
        raise doctor.PackageNotFoundError(package)
    return "1.2.3"


def examine(tmp_path: Path, *cards: FakeCard, init_error: int = 0) -> Diagnosis:
    clock = FakeClock()
    nvml = FakeNvml(*cards, clock=clock, init_error=init_error)
    diagnosis = diagnose(nvml, tmp_path / "powercap", clock=clock, sleep=clock.sleep)
    assert nvml.users == 0  # whatever happened, NVML is released
    return diagnosis


def line(diagnosis: Diagnosis, subject: str, check: str) -> Line:
    (found,) = [x for x in diagnosis.lines if (x.subject, x.check) == (subject, check)]
    return found


def _idle_w(diagnosis: Diagnosis, subject: str) -> float:
    return float(line(diagnosis, subject, "idle").value.split()[0])


def readable_rapl(tmp_path: Path) -> None:
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in (("name", "package-0"), ("energy_uj", "5"), ("max_energy_range_uj", "99")):
        (zone / name).write_text(text)


def test_a_healthy_card(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path, FakeCard(power=Power((0, 75.0))))
    card = {x.check: x for x in diagnosis.lines if x.subject == "GPU 0"}
    assert {x.verdict for x in card.values()} == {"ok"}
    assert _idle_w(diagnosis, "GPU 0") == pytest.approx(75.0, rel=0.01)
    assert {check: x.value for check, x in card.items() if check != "idle"} == {
        "UUID": UUID_A,
        "name": "NVIDIA Fake 80GB",
        "driver": "580.00",
        "MIG": "disabled",
        "energy counter": "ticks every 100 ms",
        "power": "instantaneous, 75.0 W now",
        "power limit": "700 W",
        "persistence": "on",
        "SM clock": "1980 MHz of at most 1980 MHz",
        "temperature": "50 C",
        "other processes": "none shown",
    }
    assert diagnosis.sources == {"GPU 0": "nvml_counter"}
    assert as_text(diagnosis).endswith("Energy can be measured: GPU 0 by nvml_counter.")


def test_cards_are_told_apart_by_uuid(tmp_path: Path) -> None:
    diagnosis = examine(
        tmp_path, FakeCard(UUID_B, Power((0, 700.0))), FakeCard(UUID_A, Power((0, 70.0)), has_counter=False)
    )
    assert line(diagnosis, "GPU 0", "UUID").value == UUID_B
    assert _idle_w(diagnosis, "GPU 0") == pytest.approx(700.0, rel=0.01)  # ticks over one second
    assert line(diagnosis, "GPU 1", "UUID").value == UUID_A
    assert _idle_w(diagnosis, "GPU 1") == 70.0
    assert diagnosis.sources == {"GPU 0": "nvml_counter", "GPU 1": "nvml_power"}


@pytest.mark.parametrize(
    ("card", "check", "value", "remedy"),
    [
        (FakeCard(has_counter=False), "energy counter", "Not Supported", "integrated power"),
        (FakeCard(stuck_from_s=0.0), "energy counter", "stuck", "integrated power"),
        (FakeCard(has_instant=False), "power", "plain reading, 300.0 W", "averaged"),
        (FakeCard(has_instant=False, has_usage=False), "power", "Not Supported", "stands alone"),
        (FakeCard(pids=[41, 7]), "other processes", "2 compute (7, 41)", "stop them"),
        (FakeCard(pids=None), "other processes", "does not say", "foreign_process_unknown"),
        (FakeCard(power_limit_mw=500_000), "power limit", "500 W, by default 700 W", "-pl 700"),
        (FakeCard(persistence=0), "persistence", "off", "nvidia-smi"),
    ],
)
def test_a_warning_says_what_to_do(tmp_path: Path, card: FakeCard, check: str, value: str, remedy: str) -> None:
    diagnosis = examine(tmp_path, card)
    found = line(diagnosis, "GPU 0", check)
    assert found.verdict == "warning"
    assert value in found.value
    assert remedy in found.remedy
    assert diagnosis.can_measure


def test_mig_cannot_be_measured(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path, FakeCard(mig=True))
    found = line(diagnosis, "GPU 0", "MIG")
    assert found.verdict == "cannot measure"
    assert found.remedy.startswith("disable it (as root: nvidia-smi")
    assert not diagnosis.can_measure


def test_a_card_without_any_reading(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path, FakeCard(has_counter=False, has_instant=False, has_usage=False))
    assert line(diagnosis, "GPU 0", "energy").verdict == "cannot measure"
    assert not diagnosis.can_measure


def test_a_card_lost_while_it_is_examined(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path, FakeCard(fails_from_s=1.0))
    assert "GPU is lost" in line(diagnosis, "GPU 0", "energy").value
    assert not diagnosis.can_measure


def test_no_driver_but_rapl(tmp_path: Path) -> None:
    readable_rapl(tmp_path)
    diagnosis = examine(tmp_path, init_error=9)
    assert line(diagnosis, "GPU", "driver").verdict == "cannot measure"
    assert line(diagnosis, "CPU", "RAPL") == Line("CPU", "RAPL", "1 package readable")
    assert diagnosis.sources == {"CPU": "rapl"}


def test_any_sensor_that_is_entered_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("smart_plug")
    monkeypatch.setitem(sys.modules, "smart_plug", module)
    plug = EnergySource("plug", "a smart plug's counter", meter="smart_plug", devices=("cpu",), kind="plug")
    monkeypatch.setitem(SOURCES, "plug", plug)

    def unplugged(target: Target) -> None:
        raise SensorUnavailable("no plug answers", "plug it in")

    monkeypatch.setattr(module, "open_meter", unplugged, raising=False)
    found = line(examine(tmp_path, init_error=9), "CPU", "smart_plug")
    assert found == Line("CPU", "smart_plug", "no plug answers", "cannot measure", "plug it in")

    meter = SimpleNamespace(source="plug", read=lambda: None, close=lambda: None)
    monkeypatch.setattr(module, "open_meter", lambda target: meter)
    diagnosis = examine(tmp_path, init_error=9)
    assert line(diagnosis, "CPU", "smart_plug") == Line("CPU", "smart_plug", "a smart plug's counter")
    assert diagnosis.sources == {"CPU": "plug"}


def test_nothing_to_measure_with(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path, init_error=9)
    assert line(diagnosis, "CPU", "RAPL").remedy == "CPU energy will be estimated (watts x time) and marked so"
    assert as_text(diagnosis).endswith("sweeps estimate it (watts x time), and every output says so.")


def test_hidden_cards_and_a_cpu_build_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(doctor, "version", lambda package: "2.13.0+cpu")
    diagnosis = examine(tmp_path, FakeCard())
    assert line(diagnosis, "GPU", "CUDA_VISIBLE_DEVICES").verdict == "warning"
    assert "cannot use the card" in line(diagnosis, "software", "torch").remedy
    assert "uninstall" in line(diagnosis, "software", "amdsmi").remedy


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise doctor.PackageNotFoundError(package)

    monkeypatch.setattr(doctor, "version", missing)
    assert line(examine(tmp_path, FakeCard()), "software", "ray").remedy == "pip install ray"


def _printed(diagnosis: Diagnosis) -> list[tuple[str, Line]]:
    """Each line as printed, remedies left out."""
    rows = [x for x in as_text(diagnosis).splitlines() if x.startswith("  ") and x[2] != " "]
    return list(zip(rows, diagnosis.lines, strict=True))


def test_text_is_aligned_and_json_holds_the_same(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path, FakeCard(persistence=0))
    column = {x.index(y.value, 20) for x, y in _printed(diagnosis)}
    assert len(column) == 1
    parsed = json.loads(as_json(diagnosis))
    assert parsed["can_measure"] is True
    assert [x["check"] for x in parsed["checks"]] == [x.check for x in diagnosis.lines]


@pytest.mark.parametrize(("sources", "code"), [({"CPU": "rapl"}, 0), ({}, 1)])
def test_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sources: dict[str, str], code: int
) -> None:
    monkeypatch.setattr(doctor, "diagnose", lambda: Diagnosis((Line("CPU", "RAPL", "x"),), sources))
    assert doctor.main(["--json"]) == code
    assert json.loads(capsys.readouterr().out)["can_measure"] is (code == 0)
    assert doctor.main([]) == code


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tuner import doctor\n"
        "try: doctor.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'ray', 'pandas', 'pynvml', 'numpy') if m in sys.modules])"
    )
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert time.perf_counter() - begin < 5  # 0.3 s alone; the machine may be busy


def test_engines_are_listed_with_their_versions_and_missing_ones_with_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"openvino": "2026.4.1", "onnx": "1.23.2"}
    monkeypatch.setattr("search_spaces.engines._version", known.get)
    found = line(examine(tmp_path), "engines", "openvino")
    assert (found.value, found.verdict, found.remedy) == ("openvino 2026.4.1", "ok", "")
    found = line(examine(tmp_path), "engines", "onnxruntime")
    assert (found.value, found.verdict) == ("not installed", "ok"), "nobody needs it"
    assert found.remedy == "pip install 'jouletune[onnxruntime]'"
    known["openvino"] = "2023.1"
    assert line(examine(tmp_path), "engines", "openvino").verdict == "warning"
