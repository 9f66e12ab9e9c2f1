"""A Ray to join that is not there is said within seconds, by the name of what named it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from search_spaces.errors import UsageError
from tuner.cluster import address
from tuner.cluster.address import check_answers, probe
from tuner.cluster.options import RayOptions, address_to_join


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that talks so to whoever comes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


def settings(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(bytes(3) + b"\x04" + bytes(5))


def page(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


def test_a_grpc_server_answers_and_others_are_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(settings) as port:
        probe("127.0.0.1", port)
        check = RayOptions(address=f"127.0.0.1:{port}")
    for talk in (page, lambda connection: None):
        with server(talk) as port, pytest.raises(ConnectionError):
            probe("127.0.0.1", port)
    begin = time.monotonic()
    with pytest.raises(UsageError, match=r"must answer at --address, but at 127.0.0.1:\d+ none does .*leave it out"):
        check_answers(check, check.address)
    assert time.monotonic() - begin < 5


def test_who_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "ANSWER_S", 0.1)
    over = threading.Event()
    with server(lambda connection: over.wait(5)) as port:
        with pytest.raises(UsageError, match=r"must answer at RAY_ADDRESS.*timed out.*`unset RAY_ADDRESS`"):
            check_answers(RayOptions(), f"127.0.0.1:{port}")
        over.set()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://127.0.0.1:8265", "is for `ray job submit`"),
        ("gpu-box", "must be HOST:PORT or auto, but is 'gpu-box'"),
        ("127.0.0.1:", "must be HOST:PORT"),
        ("127.0.0.1:70000", "must be HOST:PORT"),
        (":6379", "must be HOST:PORT"),
        ("no-such-host.invalid:6379", "none does"),
    ],
)
def test_what_is_no_address_is_named(given: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        check_answers(RayOptions(), given)
    assert "RAY_ADDRESS" in str(told.value)


def test_auto_without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_found(*_: object) -> str:
        raise ConnectionError("Could not find any running Ray instance. Please specify the one to connect to")

    monkeypatch.setattr(address.services, "canonicalize_bootstrap_address", none_found)
    with pytest.raises(UsageError, match=r"none does \(Could not find any running Ray instance\); start the cluster"):
        check_answers(RayOptions(address="auto"), "auto")


@pytest.mark.parametrize("given", [None, "", "local"])
def test_local_means_here(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    """It would be joined otherwise: without the private folder, and open on every interface."""
    monkeypatch.setenv("RAY_ADDRESS", given or "")
    assert address_to_join(RayOptions()) is None
    assert address_to_join(RayOptions(address=given)) is None
    assert address_to_join(RayOptions(address="auto")) == "auto"
