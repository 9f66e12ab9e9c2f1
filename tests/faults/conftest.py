"""What a test of faults leaves running is ended, the test's own failure included."""

import os
import signal

import pytest

from tests.faults.harness import STARTED


@pytest.fixture(autouse=True)
def _end_what_was_started():
    yield
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
