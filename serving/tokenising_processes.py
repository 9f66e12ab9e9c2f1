"""Processes that tokenise beside the predictor's: Python lets one thread of a process work at a time, and a card that
needs 2 us for a text waited 15 for the thread that tokenises and the one that launches, checks and answers
(EXPERIMENTS.md, "From raw text to answers").

They hold the tokenizer alone. What one of them cannot do, or cannot do any more, is done where it was asked for.

    python -m serving.tokenising_processes EXPORT TASK MAX_SEQ_LEN READ_FROM WRITE_TO      # one of them; open pipes
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue

from serving.tokenising import Prepared, Tokeniser
from trainables.model.loading import load_tokenizer
from trainables.tasks import get_task
from trainables.tasks.known_words import KnownWords

WORTH_IT = 256  # texts: a round trip takes about a millisecond
MOST, CORES_EACH = 3, 4  # processes, and the machine's cores for each

_log = logging.getLogger("serving")


def default_count(device_type: str) -> int:
    """None beside a CPU that computes: it has no time to wait."""
    return min(MOST, len(os.sched_getaffinity(0)) // CORES_EACH) if device_type == "cuda" else 0


@dataclass(frozen=True)
class _Process:
    running: subprocess.Popen[bytes]
    ask: Connection
    answer: Connection

    def prepared(self, texts: Sequence[tuple[str, ...]]) -> Prepared | None:
        self.ask.send(texts)
        found: Prepared | None = self.answer.recv()
        return found

    def end(self) -> None:
        self.ask.close()  # it then leaves by itself
        self.answer.close()
        try:
            self.running.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()


class TokenisingProcesses:
    """Started at once, in use as soon as they are ready. Thread-safe. They end with this object or its process."""

    def __init__(self, folder: Path, task: str, max_seq_len: int, count: int) -> None:
        self._free: SimpleQueue[_Process] = SimpleQueue()
        self._all = [_start([str(folder), task, str(max_seq_len)]) for _ in range(count)]
        self.count = count
        ended = threading.Event()
        greeted = [(one, self._free, ended) for one in self._all]
        self._greeting = [threading.Thread(target=_greet, args=arguments, daemon=True) for arguments in greeted]
        for thread in self._greeting:
            thread.start()
        weakref.finalize(self, _end, self._all, ended)

    def wait(self, seconds: float) -> None:
        """Until they are ready, but no longer than that."""
        for thread in self._greeting:
            thread.join(seconds)

    def prepared(self, texts: Sequence[tuple[str, ...]]) -> Prepared | None:
        """By one of them; None where none is free, or it could not tokenise every text."""
        if len(texts) < WORTH_IT:
            return None
        try:
            one = self._free.get_nowait()
        except Empty:
            return None
        try:
            found = one.prepared(texts)
        except (OSError, EOFError):
            _log.warning("a process that tokenises ended (%s); the others go on", one.running.poll())
            return None
        self._free.put(one)
        return found


def _start(arguments: Sequence[str]) -> _Process:
    asked, ask = os.pipe()
    answer, answered = os.pipe()
    command = [sys.executable, "-m", __name__, *arguments, str(asked), str(answered)]
    path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": ""}
    running = subprocess.Popen(command, pass_fds=(asked, answered), env=environment)  # noqa: S603 (fixed words)
    os.close(asked)
    os.close(answered)
    return _Process(running, Connection(ask, readable=False), Connection(answer, writable=False))


def _greet(one: _Process, free: "SimpleQueue[_Process]", ended: threading.Event) -> None:
    try:
        one.answer.recv()
    except (OSError, EOFError):
        if not ended.is_set():
            _log.warning("a process that was to tokenise did not start (%s); the others go on", one.running.poll())
    else:
        free.put(one)


def _end(processes: Sequence[_Process], ended: threading.Event) -> None:
    ended.set()
    for one in processes:
        one.end()


def main() -> None:
    """One of the processes: a chunk of texts in, its inputs out, until nobody asks any more."""
    folder, task, max_seq_len, asked, answered = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the predictor's; this one ends with it
    ask, answer = Connection(int(asked), writable=False), Connection(int(answered), readable=False)
    tokeniser = Tokeniser(get_task(task), KnownWords.of(load_tokenizer(folder)), int(max_seq_len))
    try:
        answer.send("ready")
        while True:
            found = tokeniser.prepared(ask.recv())
            answer.send(found if found.problem is None else None)  # the predictor's own try says why
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    main()
