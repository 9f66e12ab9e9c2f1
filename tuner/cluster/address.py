"""Whether the Ray that a run is to join answers: Ray itself would try for minutes, with a message every second."""

import os
import socket

from ray._private import services

from search_spaces.errors import UsageError
from trainables import ray_variables
from tuner.cluster.options import RayOptions

ANSWER_S = 5.0  # in which a server that is there accepts and says its first word
_HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # and empty settings
_SETTINGS = 4  # the kind of frame that an HTTP/2 server begins with


def check_answers(options: RayOptions, address: str) -> None:
    """UsageError, within seconds, where no Ray answers at the address to join."""
    source = "--address" if options.address else ray_variables.ADDRESS
    remedy = "start the cluster, or correct it" + (
        ", or leave it out to start Ray here"
        if options.address
        else f", or `unset {ray_variables.ADDRESS}` to start Ray here"
    )
    if address.startswith(("http://", "https://")):
        raise UsageError(
            f"{source} must be where Ray's nodes meet (HOST:6379), but {address} is for `ray job submit`; {remedy}"
        )
    try:
        found = services.canonicalize_bootstrap_address(address, None) if address == "auto" else address
        if found is None:
            raise ConnectionError("no Ray runs on this machine")
        host, _, port = found.removeprefix("ray://").rpartition(":")
        probe(host.strip("[]"), int(port))
    except ValueError as error:
        raise UsageError(f"{source} must be HOST:PORT or auto, but is {address!r}; {remedy}") from error
    except OSError as error:
        said = str(error).partition(". ")[0]  # Ray goes on with advice of its own
        raise UsageError(f"a Ray must answer at {source}, but at {address} none does ({said}); {remedy}") from error


def probe(host: str, port: int) -> None:
    """OSError where nothing listens, or what listens is no gRPC server; ValueError for an impossible port."""
    if not host or not 0 < port < 65536:
        raise ValueError(f"{host}:{port}")
    with socket.create_connection((host, port), timeout=ANSWER_S) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        connection.sendall(_HTTP2_HELLO)
        answer = connection.recv(9)
        if len(answer) < 4 or answer[3] != _SETTINGS:
            raise ConnectionError("what listens there is no Ray")
