"""What `serve run serving.app:build` is told, and how a card's joules are counted: without Ray."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from starlette.requests import Request

from search_spaces.errors import UsageError
from serving.card_energy import CardEnergy
from serving.requests import Settings
from tests.make.meter import ConstantMeter
from trainables.energy.meter import Sample

pytestmark = pytest.mark.seconds


def test_settings_are_words_of_a_command_line():
    found = Settings.of({"dir": "deployed", "replicas": "2", "gpus": "0.5", "backend": "eager", "wait_ms": "0"})
    assert (str(found.dir), found.replicas, found.gpus, found.backend, found.wait_ms) == (
        "deployed",
        2,
        0.5,
        "eager",
        0,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "add dir=DIR"),
        ({"dir": "d", "replica": "2"}, "settings must be of dir, replicas"),
        ({"dir": "d", "replicas": "two"}, "replicas must be a number, but got 'two'"),
        ({"dir": "d", "replicas": "0"}, "replicas must be at least 1"),
        ({"dir": "d", "timeout_s": "nan"}, "timeout_s must be above 0"),
        ({"dir": "d", "wait_ms": "-1"}, "wait_ms must be at least 0"),
        ({"dir": "d", "metrics_port": "80"}, "metrics_port must be between 1024 and 65535"),
        ({"dir": "d", "gpus": "-1"}, "gpus must be between 0 and 64"),
    ],
)
def test_a_wrong_setting_is_named(given, said):
    with pytest.raises(UsageError, match=said):
        Settings.of(given)


def test_a_folder_that_is_no_export_is_told_in_a_line(tmp_path):
    from serving.app import build

    with pytest.raises(click.UsageError, match=r"has no jouletune\.json") as found:
        build({"dir": str(tmp_path)})
    assert found.value.exit_code == 2


class Told:
    """In a metric's place."""

    def __init__(self) -> None:
        self.statuses: list[str] = []

    def inc(self, value: float, tags: dict[str, str]) -> None:
        self.statuses.append(tags["status"])


def replica(answer: Any) -> Any:
    """One without Ray, which answers by `answer`."""
    from serving.app import Answers

    made: Any = object.__new__(Answers)
    made.settings, made._broken = Settings(Path("d"), timeout_s=0.05), ""
    made.predictor = SimpleNamespace(bundle=SimpleNamespace(text_columns=("text",)), checked=lambda text, _: text)
    made._answer, made._metrics = answer, {"jouletune_serve_requests": Told()}
    return made


def asked(answers: Any) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"texts": ["soup"]}', "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "server": ("x", 1)}
    return asyncio.run(answers(Request(scope, receive)))


def test_an_answer_that_takes_too_long_is_504():
    made = replica(lambda _: asyncio.sleep(5))
    found = asked(made)
    assert (found.status_code, made._metrics["jouletune_serve_requests"].statuses) == (504, ["504"])
    assert b"no answer within 0.05 s; send fewer texts" in found.body


def test_a_replica_that_cannot_answer_says_so_and_is_replaced():
    made = replica(lambda checked: made._together([checked]))
    made.check_health()
    made.predictor.predict = lambda _: 1 / 0
    found = asked(made)
    assert (found.status_code, json.loads(found.body)) == (
        500,
        {"error": "the texts could not be answered; the log says why"},
    )
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        made.check_health()


class Counting(ConstantMeter):
    """A counter that is read as 100, 130, 130, 170 J."""

    def __init__(self) -> None:
        super().__init__(10.0)
        self.energies = iter((100.0, 130.0, 130.0, 170.0))

    def read(self) -> Sample:
        return Sample(0.0, 0.0, energy_j=next(self.energies))


def test_a_cards_joules_are_counted_once_however_many_replicas_it_has():
    added: list[float] = []
    first, second = (CardEnergy(Counting(), "test-card", added.append) for _ in range(2))
    other = CardEnergy(Counting(), "another-card", added.append)
    first.step()
    second.step()
    first.step()
    second.step()
    assert added == [30.0]
    other.step()
    other.step()
    assert added == [30.0, 30.0]
    first._claim.close()  # its process has ended
    second.step()
    second.step()
    assert added == [30.0, 30.0, 30.0], "what it had not seen is nobody's"
    for one in (second, other):
        one._claim.close()


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    from serving import app

    monkeypatch.setattr(app, "_start_ray", lambda _: pytest.fail("a mistake must come before Ray"))


def test_a_replica_that_anybody_could_command_is_refused(exported, monkeypatch):
    from serving.app import build

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(click.UsageError, match="must ask for Ray's token"):
        build({"dir": str(exported)})
