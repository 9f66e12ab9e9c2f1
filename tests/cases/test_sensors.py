"""Cases 06, 07 and 08: counters that count wrong, RAPL in a container, an old pynvml.

The scripts import modules as they were named then; here they get them by those names.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tests.make.nvml
import trainables.energy.meters.nvml
import trainables.energy.trace
from tests.cases.conftest import ROOT, run_script
from trainables.energy.windows import window_energies
from trainables.rows.flags import FLAGS
from tuner.doctor import as_text, diagnose


@pytest.fixture
def old_names(monkeypatch: pytest.MonkeyPatch) -> None:
    record = ModuleType("trainables.record")
    record.FLAGS = FLAGS  # type: ignore[attr-defined]
    monkeypatch.setattr(trainables.energy.trace, "window_energies", window_energies, raising=False)
    monkeypatch.setitem(sys.modules, "trainables.record", record)
    monkeypatch.setitem(sys.modules, "fake_nvml", tests.make.nvml)
    monkeypatch.setitem(sys.modules, "trainables.energy.nvml", trainables.energy.meters.nvml)
    monkeypatch.setitem(sys.modules, "trainables.energy.select", ModuleType("select"))


@pytest.mark.usefixtures("old_names")
def test_06_impossible_counters_are_invalid(cases: Path) -> None:
    """57 % of the power that the card itself reports, and a jump of a megajoule: neither enters a fit."""
    low, jump = run_script(cases / "06-impossible-counter-is-valid" / "case.py", str(ROOT)).splitlines()
    assert low.startswith("energy_j 374.98")
    assert jump.startswith("jump: total 100065")
    for line in (low, jump):
        (invalid,) = re.findall(r"invalid\? \[(.*?)\]", line)
        assert "True" in invalid.split(", "), line


@pytest.mark.usefixtures("old_names")
def test_08_texts_that_are_bytes(cases: Path) -> None:
    printed = run_script(cases / "nvml_cases.py", str(ROOT))
    assert "TRACEBACK" not in printed
    first, *others = printed.splitlines()
    name, uuid = tests.make.nvml.FakeCard().name, tests.make.nvml.UUID_A
    assert re.match(rf"old pynvml 11.4: bytes +-> nvml_counter '{name}' '{uuid}' unavailable={{}} None$", first), first
    assert len(others) == 7
    for line in others:  # a meter, or why there is none
        assert re.search(r"-> (nvml_\w+ |SensorUnavailable: .{20}|UsageError: .{20})", line), line


def masked(cases: Path, root: Path) -> Path:
    """The folder that case.sh makes: each link of its script, dangling."""
    root.mkdir()
    links = re.findall(r"ln -s (\S+) /sys/class/powercap/(\S+)", (cases / "07-rapl-dangling" / "case.sh").read_text())
    assert links
    for target, name in links:
        (root / name).symlink_to(target)
        assert not (root / name).exists()
    return root


def test_07_a_masked_package_is_none(cases: Path, tmp_path: Path) -> None:
    found = diagnose(tests.make.nvml.FakeNvml(init_error=9), masked(cases, tmp_path / "powercap"))
    (line,) = [line for line in found.lines if line.check == "RAPL"]
    assert line.value.startswith("no RAPL package under ")
    assert "estimate" in line.remedy
    assert "Traceback" not in as_text(found)


def test_07_as_it_was_run(cases: Path) -> None:
    """In a mount namespace of its own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("no mount namespace here")
    done = subprocess.run(
        ["sh", str(cases / "07-rapl-dangling" / "case.sh"), str(ROOT)],
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    assert "no RAPL package" in done.stdout
