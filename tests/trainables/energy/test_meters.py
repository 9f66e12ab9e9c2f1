"""Meters on scripted devices: identity, capabilities, failures, neighbours, RAPL, estimate, choice, idle."""

import os
from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from tests.make.nvml import UUID_A, UUID_B, FakeCard, FakeClock, FakeNvml, Power, poll
from tests.make.powercap import zone
from trainables.energy.idle import idle_power_w
from trainables.energy.meter import MeterError, SensorUnavailable
from trainables.energy.meters.estimate import WATTS_PER_CORE, EstimateMeter
from trainables.energy.meters.nvml import POWER_INSTANT_FIELD, NvmlMeter
from trainables.energy.meters.rapl import RaplMeter
from trainables.energy.processes import ProcessWatch
from trainables.energy.sources import NVML_THROTTLE


def open_card(card: FakeCard, *others: FakeCard) -> tuple[NvmlMeter, FakeClock]:
    clock = FakeClock()
    nvml = FakeNvml(card, *others, clock=clock)
    return NvmlMeter(card.uuid, nvml=nvml, clock=clock, sleep=clock.sleep), clock


# ---- NVML: identity ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [UUID_A, UUID_A.removeprefix("GPU-"), UUID_A.removeprefix("GPU-").upper()])
def test_the_card_is_found_by_uuid_in_both_forms(form: str) -> None:
    clock = FakeClock()
    nvml = FakeNvml(FakeCard(UUID_B, name="other"), FakeCard(UUID_A, name="mine"), clock=clock)
    meter = NvmlMeter(form, nvml=nvml, clock=clock, sleep=clock.sleep)
    assert (meter.device.name, meter.device.uuid) == ("mine", UUID_A)


def test_reversed_order_does_not_swap_the_joules() -> None:
    """CUDA's device 0 may be NVML's 1."""
    a, b = FakeCard(UUID_A, Power((0, 100.0))), FakeCard(UUID_B, Power((0, 700.0)))
    meter, _ = open_card(a, b)
    assert meter.read().power_w == 100.0
    clock = FakeClock()
    meter = NvmlMeter(UUID_A, nvml=FakeNvml(b, a, clock=clock), clock=clock, sleep=clock.sleep)
    assert meter.read().power_w == 100.0


def test_an_unknown_uuid_names_those_that_nvml_shows() -> None:
    nvml = FakeNvml(FakeCard(UUID_A))
    with pytest.raises(UsageError, match=f"{UUID_A}.*but got 'GPU-cccc'.*MIG instance"):
        NvmlMeter("GPU-cccc", nvml=nvml)
    assert nvml.users == 0


def test_mig_is_refused_with_the_remedy() -> None:
    nvml = FakeNvml(FakeCard(mig=True))
    with pytest.raises(UsageError, match=r"must have MIG disabled.*nvidia-smi -i GPU-.* -mig 0"):
        NvmlMeter(UUID_A, nvml=nvml)
    assert nvml.users == 0


def test_a_card_that_knows_no_mig_is_welcome() -> None:
    meter, _ = open_card(FakeCard(mig=None))
    assert meter.source == "nvml_counter"


def test_device_details_for_environment_json() -> None:
    meter, _ = open_card(FakeCard())
    details = meter.device.details
    assert details["driver"] == "580.00"
    assert details["power_limit_w"] == 700.0
    assert details["persistence_mode"] == 1
    assert details["max_sm_clock_mhz"] == 1980
    assert details["unavailable"] == {}


def test_the_fake_has_only_names_of_the_real_module_and_constants_agree() -> None:
    pynvml = pytest.importorskip("pynvml")
    names = [name for name in dir(FakeNvml) if name.lower().startswith("nvml")]
    assert len(names) > 20
    assert [name for name in names if not hasattr(pynvml, name)] == []
    assert pynvml.NVML_FI_DEV_POWER_INSTANT == POWER_INSTANT_FIELD
    assert (pynvml.NVML_CLOCK_SM, pynvml.NVML_CLOCK_MEM, pynvml.NVML_TEMPERATURE_GPU) == (1, 2, 0)
    hw_thermal = pynvml.nvmlClocksEventReasonHwThermalSlowdown
    assert {
        "power_capped": pynvml.nvmlClocksEventReasonSwPowerCap,
        "thermal_throttled": pynvml.nvmlClocksEventReasonSwThermalSlowdown | hw_thermal,
        "hw_slowdown": pynvml.nvmlClocksEventReasonHwSlowdown
        | hw_thermal
        | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown,
    } == NVML_THROTTLE


# ---- NVML: capabilities and failures ----------------------------------------------------------------------


@pytest.mark.parametrize("tick_s", [0.1, 0.02])
def test_the_tick_is_found_also_on_an_idle_card(tick_s: float) -> None:
    meter, clock = open_card(FakeCard(power=Power((0, 70.0)), tick_s=tick_s))
    assert meter.source == "nvml_counter"
    assert meter.tick_s == pytest.approx(tick_s, abs=0.004)
    assert clock() < 1.5


def test_a_counter_stuck_at_start_gives_way_to_power() -> None:
    meter, clock = open_card(FakeCard(stuck_from_s=0.0))
    assert meter.source == "nvml_power"
    assert meter.device.details["unavailable"] == {"energy_counter": "stuck: it did not tick in 1.5 s"}
    assert meter.tick_s == 0.1
    assert clock() < 1.6
    assert meter.read().energy_j is None


@pytest.mark.parametrize(("code", "reason"), [(3, "Not Supported"), (4, "Insufficient Permissions")])
def test_no_counter_is_a_capability_not_a_crash(code: int, reason: str) -> None:
    meter, _ = open_card(FakeCard(has_counter=False, counter_error=code))
    assert meter.source == "nvml_power"
    assert meter.device.details["unavailable"] == {"energy_counter": reason}


def test_an_unknown_power_field_falls_back_to_plain_power() -> None:
    meter, _ = open_card(FakeCard(has_instant=False))
    assert meter.power_reading == "usage"
    assert meter.read().power_w == 300.0
    assert meter.device.details["unavailable"] == {"power_instant": "Not Supported"}


def test_a_counter_without_power_still_measures() -> None:
    meter, _ = open_card(FakeCard(has_instant=False, has_usage=False))
    assert meter.source == "nvml_counter"
    assert meter.read().power_w is None


def test_a_counter_that_fails_while_its_tick_is_sought_gives_way() -> None:
    meter, _ = open_card(FakeCard(fails_from_s=0.1))
    assert meter.source == "nvml_power"
    assert meter.device.details["unavailable"] == {"energy_counter": "GPU is lost"}
    with pytest.raises(MeterError, match="GPU is lost"):
        meter.read()


def test_neither_counter_nor_power_is_no_sensor() -> None:
    nvml = FakeNvml(FakeCard(has_counter=False, has_instant=False, has_usage=False))
    with pytest.raises(SensorUnavailable, match=r"neither energy nor power.*Not Supported"):
        NvmlMeter(UUID_A, nvml=nvml)
    assert nvml.users == 0


def test_no_driver_is_no_sensor() -> None:
    with pytest.raises(SensorUnavailable, match="Driver Not Loaded"):
        NvmlMeter(UUID_A, nvml=FakeNvml(init_error=9))


def test_nvml_failing_in_the_middle_is_a_meter_error_with_its_reason() -> None:
    card = FakeCard(fails_from_s=5.0)
    meter, clock = open_card(card)
    poll(meter, clock, 2.0)
    with pytest.raises(MeterError, match=f"{UUID_A}: GPU is lost"):
        poll(meter, clock, 5.0)


def test_a_sample_is_timed_around_the_counter_and_slow_readings_repeat() -> None:
    temperatures: list[float] = []

    def temperature(t: float) -> int:
        temperatures.append(t)
        return 50

    meter, clock = open_card(FakeCard(temperature_c=temperature))
    del temperatures[:]
    begin = clock()
    samples = poll(meter, clock, 2.0)
    assert samples[0].time_s == pytest.approx(begin + 0.0015)
    assert samples[0].read_s == pytest.approx(0.003)
    assert len(samples) == pytest.approx(200, abs=1)
    assert len(temperatures) == 4  # one every half second
    assert {s.temperature_c for s in samples} == {50.0}


def test_close_releases_nvml() -> None:
    clock = FakeClock()
    nvml = FakeNvml(FakeCard(), clock=clock)
    meter = NvmlMeter(UUID_A, nvml=nvml, clock=clock, sleep=clock.sleep)
    assert nvml.users == 1
    meter.close()
    assert nvml.users == 0


# ---- foreign processes ------------------------------------------------------------------------------------

ME = 100


@pytest.mark.parametrize(
    ("before", "after", "now", "foreign"),
    [
        ([], [ME], [ME], False),  # our own id is shown
        ([], [ME], [ME, 7], True),
        ([7], [7, ME], [7, ME], True),
        ([], [9001], [9001], False),  # host ids: the entry that appeared is us
        ([], [9001], [9001, 9002], True),
        ([9000], [9000, 9001], [9000, 9001], True),
        ([9000], [9000, 9001], [9001], False),  # the neighbour has left
        ([], [9001, 9002], [9001, 9002], True),  # two appeared at once: one of them is not us
        ([ME], [ME, 9001], [ME, 9001], True),  # a host id that happens to equal ours
        ([], [], [], None),  # NVML shows nothing in this container
        ([], [], [9001], True),  # it hides us, but not them
        ([9000], [9000], [9000], True),
        (None, None, None, None),  # not allowed to ask
    ],
)
def test_foreign_processes_by_comparison(
    before: list[int] | None, after: list[int] | None, now: list[int] | None, foreign: bool | None
) -> None:
    lists = iter([before, after, now])

    def list_pids() -> frozenset[int] | None:
        pids = next(lists)
        return None if pids is None else frozenset(pids)

    watch = ProcessWatch(list_pids, own_pid=ME)
    watch.context_created()
    assert watch.foreign() is foreign


@pytest.mark.parametrize(
    ("now", "foreign"), [([ME], False), ([ME, 7], True), ([9001], None), ([9001, 9002], True), ([], None)]
)
def test_foreign_processes_without_the_comparison(now: list[int], foreign: bool | None) -> None:
    assert ProcessWatch(lambda: frozenset(now), own_pid=ME).foreign() is foreign


def test_the_meter_compares_around_the_context() -> None:
    card = FakeCard(pids=[])
    meter, _ = open_card(card)
    card.pids = [31337]  # our context, by a host id
    meter.context_created()
    assert meter.foreign_processes() is False
    card.pids = [31337, 4711]
    assert meter.foreign_processes() is True
    card.pids = None
    assert meter.foreign_processes() is None


def test_our_own_pid_is_recognised() -> None:
    meter, _ = open_card(FakeCard(pids=[os.getpid()]))
    assert meter.foreign_processes() is False


# ---- RAPL -------------------------------------------------------------------------------------------------


def test_rapl_sums_packages_and_nothing_else(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 200_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 300_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 150_000)
    zone(tmp_path, "intel-rapl:2", "psys", 900_000)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 200_000)
    meter = RaplMeter(tmp_path)
    sample = meter.read()
    assert sample.energy_j == pytest.approx(0.5)
    assert sample.power_w is None
    assert meter.source == "rapl"
    assert meter.device.details == {"rapl_zones": ["intel-rapl:0", "intel-rapl:1"]}


def test_rapl_wraps_around_at_its_range_zone_by_zone(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 500_000)
    meter = RaplMeter(tmp_path)
    before = meter.read().energy_j
    energies = []
    for value in (100_000, 950_000, 50_000):  # two wraps: +0.2, +0.85, +0.1 J
        (first / "energy_uj").write_text(str(value))
        energies.append(meter.read().energy_j)
    assert before is not None
    assert energies == pytest.approx([before + 0.2, before + 1.05, before + 1.15])


def test_unreadable_rapl_says_what_makes_it_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    read_text = Path.read_text

    def denied(self: Path, *args: object, **kwargs: object) -> str:
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read_text(self)

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(SensorUnavailable, match=r"sudo chmod a\+r /sys/class/powercap/intel-rapl:"):
        RaplMeter(tmp_path)


def test_no_rapl_at_all(tmp_path: Path) -> None:
    with pytest.raises(SensorUnavailable, match="no RAPL package"):
        RaplMeter(tmp_path / "missing")


def test_rapl_vanishing_in_the_middle_is_a_meter_error(tmp_path: Path) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    meter = RaplMeter(tmp_path)
    (path / "energy_uj").unlink()
    with pytest.raises(MeterError, match="reading RAPL failed"):
        meter.read()


# ---- estimate, idle ----------------------------------------------------------------------------


def test_the_estimate_says_what_it_assumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.energy.meters.estimate.usable_cores", lambda: 4)
    meter = EstimateMeter(why="no RAPL")
    assert meter.read().power_w == 4 * WATTS_PER_CORE == 48.0
    assert meter.device.details == {
        "assumed_w": 48.0,
        "assumption": "12.0 W x 4 cores (Green Algorithms)",
        "no_sensor": "no RAPL",
    }
    assert EstimateMeter(30.0).read().power_w == 30.0
    with pytest.raises(UsageError, match="assumed power must be positive, but got 0"):
        EstimateMeter(0.0)


@pytest.mark.parametrize("has_counter", [True, False])
def test_idle_power(has_counter: bool) -> None:
    meter, clock = open_card(FakeCard(power=Power((0, 75.0)), has_counter=has_counter))
    begin = clock()
    assert idle_power_w(meter, 1.5, clock=clock, sleep=clock.sleep) == pytest.approx(75.0, rel=0.01)
    assert clock() - begin == pytest.approx(1.5, abs=0.05)


def test_idle_power_is_unknown_without_a_sensor_or_with_a_stuck_one() -> None:
    assert idle_power_w(EstimateMeter(10.0)) is None
    meter, clock = open_card(FakeCard(stuck_from_s=1.0))
    clock.sleep(2.0)
    assert idle_power_w(meter, clock=clock, sleep=clock.sleep) is None
