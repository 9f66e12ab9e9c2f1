"""A real client before a real Serve: one is started, and everything is asked of it."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import ray  # noqa: F401 (brings psutil)

from serving.predictor import Predictor

pytestmark = [pytest.mark.ray, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["the soup was tasty .", "the room was cold ."]
TIMEOUT_S, MOST = 10, 20_000

# As `serve run` does, at ports of its own.
DRIVER = """
import sys
from ray import serve
from serving.app import build

folder, port, *given = sys.argv[1:]
app = build({"dir": folder} | dict(setting.split("=") for setting in given))
serve.start(http_options={"port": int(port)})
serve.run(app)
print("UP", flush=True)
sys.stdin.read()
serve.shutdown()
"""
SETTINGS = [f"timeout_s={TIMEOUT_S}", f"max_body_bytes={MOST}", "max_characters=5000", "max_texts=64", "replicas=2"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """Where it listens, and a client."""

    def __init__(self, port: int, metrics: int, pid: int) -> None:
        self.port, self.metrics, self.pid = port, metrics, pid

    def ask(self, body: bytes | None, path: str = "/", method: str | None = None) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def texts(self, *texts: Any) -> tuple[int, Any]:
        return self.ask(json.dumps({"texts": texts}).encode())

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"ray_{name}[{{ ]", line))


@pytest.fixture(scope="module")
def served(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port, metrics = free_port(), free_port()
    log = tmp_path_factory.mktemp("serve") / "log"
    temporary = Path("/tmp") / f"jts-{os.getpid()}"  # short: sockets in it have at most 107 bytes
    temporary.mkdir(mode=0o700)
    command = [sys.executable, "-c", DRIVER, str(exported), str(port), f"metrics_port={metrics}", *SETTINGS]
    known = dict(os.environ) | {
        "PYTHONPATH": str(ROOT),
        "RAY_metrics_report_interval_ms": "1000",
        "RAY_TMPDIR": str(temporary),
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=known
        )
    try:
        end = time.monotonic() + 150
        while "UP" not in log.read_text().splitlines():
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.2)
        yield Served(port, metrics, process.pid)
    finally:
        process.communicate(timeout=60)
        subprocess.run(["rm", "-rf", str(temporary)], check=False)


def test_it_answers_as_the_predictor_does(served, exported):
    predictor = Predictor.load(exported)
    expected = predictor.predict(TEXTS)
    status, found = served.texts(TEXTS[0], {"text": TEXTS[1]})
    assert status == 200
    assert [p["label"] for p in found["predictions"]] == [p.answer for p in expected]
    assert [p["score"] for p in found["predictions"]] == pytest.approx([p.score for p in expected], abs=1e-5)
    with ThreadPoolExecutor(16) as pool:  # together, and none gets another's
        answers = list(pool.map(lambda i: served.texts(TEXTS[i % 2])[1]["predictions"][0]["label"], range(48)))
    assert answers == [expected[i % 2].answer for i in range(48)]


def test_it_says_what_answers(served):
    status, found = served.ask(None, "/health")
    assert (status, found["status"], found["device"]) == (200, "ok", "cpu")
    assert found["labels"] == ["negative", "positive"]
    assert found["texts"] == ["text"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "a body must be JSON in UTF-8"),
        (b"\xff\xfe", 400, "a body must be JSON in UTF-8"),
        (b"[" * 15_000, 400, "a body must be JSON in UTF-8"),
        (b"[]", 422, 'a body must be {"texts": [...]} with at least one text'),
        (b'{"texts": "soup"}', 422, 'a body must be {"texts": [...]} with at least one text'),
        (b'{"texts": []}', 422, 'a body must be {"texts": [...]} with at least one text'),
        (b'{"texts": ["soup", 3]}', 422, 'text 1 must be {"text": "..."} or a string'),
        (b'{"texts": [{"label": "soup"}]}', 422, 'text 0 must be {"text": "..."} or a string'),
        (b'{"texts": [{"text": null}]}', 422, "text 0 must be text, as strings"),
        (b'{"texts": ["soup", " "]}', 422, "text 1: text is empty"),
        (b'{"texts": ["\\ud83d"]}', 422, "half of a surrogate pair"),
        (json.dumps({"texts": ["x" * 5001]}).encode(), 422, "text 0: text must have at most 5000 characters"),
        (json.dumps({"texts": ["x"] * 65}).encode(), 413, "a request must have at most 64 texts, but has 65"),
        (b'{"texts": ["' + b"x" * MOST + b'"]}', 413, f"a body must have at most {MOST} bytes"),
    ],
)
def test_bad_input_is_refused_in_a_line(body, status, said, served):
    found = served.ask(body)
    assert found[0] == status
    assert said in found[1]["error"]


def test_other_paths_and_methods_are_refused(served):
    assert served.ask(None, "/nowhere")[0] == 404
    assert served.ask(None, "/")[0] == 405
    assert served.ask(b"{}", "/", "DELETE")[0] == 405


def test_a_body_that_states_no_length_is_counted_too(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("POST", "/", iter([b"x" * 1000] * 100), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 413


def test_a_body_that_does_not_arrive_is_waited_for_in_vain(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        start = time.monotonic()
        assert client.recv(1000).startswith(b"HTTP/1.1 408")
        assert TIMEOUT_S - 0.5 < time.monotonic() - start < 60


def test_clients_that_go_away_spoil_nobodys_answers(served):
    body = json.dumps({"texts": [TEXTS[0]] * 64}).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (head[:30], head, head + body[:40], head + body):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
            client.sendall(sent)
    assert served.texts(*TEXTS)[0] == 200
    assert served.ask(None, "/health")[1]["status"] == "ok"


def test_prometheus_is_told(served):
    """Of both replicas together: five requests of two texts, one of which is cut."""
    added = {"requests_total": 5, "texts_total": 10, "tokens_total": 5 * (7 + 24), "truncated_texts_total": 5}

    def told():
        return {name: served.metric(f"jouletune_serve_{name}") for name in added}

    before: dict[str, float] = {}
    while before != (before := told()):  # what the tests above did is told a second or two later
        time.sleep(2.5)
    for _ in range(5):
        assert served.texts("the soup was tasty .", "the soup was tasty . " * 20)[0] == 200
    end = time.monotonic() + 60
    while (now := told()) != {name: before[name] + value for name, value in added.items()}:
        assert time.monotonic() < end, (before, now)
        time.sleep(0.5)
    together = served.metric("jouletune_serve_batch_texts_count")
    assert 0 < together < now["texts_total"]


def test_no_other_machine_gets_an_answer(served):
    """Ray binds one port of each replica to every interface, and asks for its token there (docs/security.md)."""
    import grpc

    wide = [port for ip, port in _listening(served.pid) if ip.removeprefix("::ffff:") != "127.0.0.1"]
    assert len(wide) <= 2
    for port in wide:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary("/ray.serve.ASGIService/HandleRequest")
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", timeout=30)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def _listening(pid: int) -> set[tuple[str, int]]:
    psutil = pytest.importorskip("psutil")  # the one that Ray brings
    found = set()
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            sockets = process.net_connections("inet")
        except psutil.NoSuchProcess:
            continue
        found |= {(s.laddr.ip, s.laddr.port) for s in sockets if s.status == "LISTEN"}
    return found
