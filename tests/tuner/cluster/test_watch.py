"""A Ray that went away ends the process once, after a while; one that comes back does not."""

import threading
from types import SimpleNamespace

import pytest
import ray

from tuner.cluster import watch
from tuner.cluster.watch import ended_here, unreachable, watched


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY_S", 0.01)


def test_what_stays_wrong_ends_the_process() -> None:
    said: list[str] = []
    ended = threading.Event()

    def end(wrong: str) -> None:
        said.append(wrong)
        ended.set()

    with watched(lambda: "its raylet ended", 0.03, end):
        assert ended.wait(5)
    assert said == ["its raylet ended"]


def test_what_was_wrong_for_a_moment_does_not() -> None:
    states = iter(["gone", "gone", "", "gone", "gone", ""])
    seen = threading.Event()
    said: list[str] = []

    def look() -> str:
        state = next(states, None)
        if state is None:
            seen.set()
        return state or ""

    with watched(look, 0.03, said.append):
        assert seen.wait(5)
    assert said == []


@pytest.mark.parametrize(("code", "said"), [(None, ""), (-9, "its gcs_server ended (signal 9)"), (1, "exit code 1")])
def test_the_processes_of_a_ray_started_here(monkeypatch: pytest.MonkeyPatch, code: int | None, said: str) -> None:
    info = SimpleNamespace(process=SimpleNamespace(poll=lambda: code))
    node = SimpleNamespace(all_processes={"gcs_server": [info]})
    monkeypatch.setattr(ray._private.worker, "_global_node", node)
    assert (said in ended_here()) if said else ended_here() == ""


def test_a_cluster_that_does_not_answer() -> None:
    assert "nothing answers at 127.0.0.1:1 (" in unreachable("127.0.0.1:1")()


def test_the_line_and_the_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[int] = []
    monkeypatch.setattr(watch.os, "_exit", codes.append)
    watch._end_process("its raylet ended (signal 9)")
    assert codes == [2]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Ray must run as long as the sweep, but its raylet ended (signal 9); ")
