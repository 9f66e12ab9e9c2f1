"""Faults of the card within a measuring trial, on a fake NVML in real time: a row is failed or flagged, never wrong."""

import os
import time

import pytest

from search_spaces.sweep_config import Measuring
from search_spaces.trial_config import TrialConfig
from tests.make.nvml import UUID_A, FakeCard, FakeNvml
from tests.make.worker import DIGESTS
from trainables import measure as measure_module
from trainables import worker as worker_module
from trainables.energy.meter import MeterError
from trainables.energy.meters.nvml import NvmlMeter
from trainables.energy.processes import ForeignWatch
from trainables.measure import measure_trial
from trainables.measure_trainable import MeasureTrainable
from trainables.model import loading
from trainables.rows.flags import IMPLAUSIBLE
from trainables.tasks import get_task
from trainables.worker import MeasuringData, Worker

SETTINGS = Measuring(
    eval_examples=40, warmup_s=0.2, min_window_s=0.3, min_windows=3, min_total_s=1.2, max_measure_s=1.5
)
TRIAL = TrialConfig("demo", "demo-bert", 1, 16, 1, "fp32")


class RealTime:
    """The clock of a fake card that lives in real time."""

    def __call__(self):
        return time.perf_counter()

    def sleep(self, seconds):
        time.sleep(seconds)


@pytest.fixture(scope="module")
def data():
    task = get_task("demo")
    examples = task.load("validation", None, SETTINGS.eval_examples)
    tokenized = task.tokenize(examples, loading.load_tokenizer("demo-bert"))
    files = loading.load_pretrained("demo-bert", task.head, ("negative", "positive"), seed=1)
    return MeasuringData("demo", tokenized, True, SETTINGS, 80, {1: DIGESTS}), files


@pytest.fixture
def start(data, monkeypatch):
    """A worker on a fake card that begins at 1 kJ now."""

    def make(**card):
        made = FakeCard(pids=[], read_s=0.0, offset_j=1e9, **card)
        meter = NvmlMeter(UUID_A, tick_s=made.tick_s, nvml=FakeNvml(made, clock=RealTime()))
        made.pids = [os.getpid()]
        meter.context_created()
        monkeypatch.setattr(worker_module, "meter_of", lambda *a, **k: meter)
        monkeypatch.setattr(NvmlMeter, "read_in_child", lambda self: None)  # there is no card for a child
        monkeypatch.setattr(worker_module, "settled_idle_power_w", lambda meter: 4.0)
        return Worker(data[0], {1: lambda: data[1]}, cpus=1), made

    return make


@pytest.fixture
def during(monkeypatch):
    """Let something happen when load begins, and something when its last window is closed, however slow the machine."""
    original = measure_module.measure

    def happen(begin, end=lambda: None):
        def measure(*arguments):
            begin()
            found = original(*arguments)
            end()
            return found

        monkeypatch.setattr(measure_module, "measure", measure)

    return happen


def among_the_windows():
    """A time at which windows are open: they begin after 0.2 to 0.4 s of warm-up and last 1.2 s."""
    return time.perf_counter() + 0.8


@pytest.mark.seconds
def test_without_a_fault_the_energy_is_the_cards(start):
    worker, _ = start()
    row = measure_trial(TRIAL, worker)
    assert row["status"] == "ok"
    assert row["mean_power_w"] == pytest.approx(300.0, rel=0.02)
    assert not {"foreign_process", "counter_reset"} & set(row["flags"].split(";"))


@pytest.mark.seconds
def test_a_counter_that_starts_again_is_no_energy(start, during):
    worker, card = start()
    during(lambda: setattr(card, "reset_at_s", among_the_windows()))
    row = measure_trial(TRIAL, worker)
    assert row["status"] == "failed"
    assert row["energy_j_per_example"] is None
    assert row["error"] == "the energy counter went backwards"
    assert "counter_reset" in row["flags"].split(";")


@pytest.mark.seconds
def test_a_card_that_is_lost_is_tried_again_and_then_a_failed_row(start, during):
    worker, card = start()
    trainable = MeasureTrainable.__new__(MeasureTrainable)
    trainable.workers, trainable.trial, trainable.prune = {TRIAL.model: worker}, TRIAL, None
    during(lambda: setattr(card, "fails_from_s", among_the_windows()))
    with pytest.raises(MeterError, match="GPU is lost"):
        trainable.step()
    trainable.attempt = 2
    row = trainable.step()
    assert row["status"] == "failed"
    assert "GPU is lost" in row["error"]
    assert row["energy_j_per_example"] is None


class PruneAll:
    """A rule that calls every trial dominated."""

    margin = 0.1

    def verdict(self, bounds):
        return "dominated"


@pytest.mark.seconds
@pytest.mark.parametrize("fault", ["jump", "limit"])
def test_an_energy_that_cannot_be_is_invalid_and_prunes_nothing(start, during, monkeypatch, fault):
    worker, card = start()
    if fault == "limit":
        worker.meter._limit_w, card.power_limit_mw = None, 100_000
    else:
        counted = card.counter_mj

        def jump():
            at = among_the_windows()
            monkeypatch.setattr(card, "counter_mj", lambda t: counted(t) + (10**9 if t > at else 0))

        during(jump)
    row = measure_trial(TRIAL, worker, PruneAll() if fault == "limit" else None)
    assert row["status"] == "ok"
    invalid = {flag for flag in row["flags"].split(";") if flag in IMPLAUSIBLE}
    assert invalid == ({"above_power_limit"} if fault == "limit" else {"counter_implausible", "above_power_limit"})


@pytest.mark.seconds
@pytest.mark.parametrize("stays", [True, False])
def test_another_process_that_appears_is_flagged_even_if_it_goes_again(start, during, stays):
    worker, card = start()
    during(lambda: card.pids.append(4711), lambda: stays or card.pids.remove(4711))
    row = measure_trial(TRIAL, worker)
    assert "foreign_process" in row["flags"].split(";")
    assert (4711 in card.pids) is stays


@pytest.mark.parametrize(
    ("answers", "seen"), [([False, True, False], True), ([False, None, False], None), ([False, False, False], False)]
)
def test_a_watch_remembers_what_was_there_between(answers, seen):
    left = iter(answers)
    with ForeignWatch(lambda: next(left, False), every_s=0.01) as watch:
        time.sleep(0.1)
    assert watch.seen is seen
