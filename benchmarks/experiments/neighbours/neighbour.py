"""The handle of a process that keeps another card idle or busy."""

import os
import subprocess
import sys

from benchmarks.experiments.neighbours.serve import SERVE
from benchmarks.lib.card import CardArguments


class Neighbour:
    """A process that works on another card. It is told a state in a line and answers it once the load runs."""

    def __init__(self, card: str | None, arguments: CardArguments) -> None:
        command = [sys.executable, "-m", SERVE.module, "--model", arguments.model, "--cpus", str(arguments.cpus)]
        command += ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
        command += ["--smoke"] if arguments.smoke else []
        shown = {} if card is None else {"CUDA_VISIBLE_DEVICES": card}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | shown
        )

    def tell(self, state: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(state + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("a neighbour has ended; see its error above") from None

    def wait(self, state: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == state:
                return
        raise RuntimeError("a neighbour has ended; see its error above")

    def __enter__(self) -> "Neighbour":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
