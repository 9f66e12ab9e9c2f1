"""What a test of faults leaves running is ended, the test's own failure included."""

import os
import signal

import pytest

from tests.faults.harness import STARTED


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A demo model that counts as fine-tuned."""
    from trainables.model import loading

    folder = tmp_path_factory.mktemp("model") / "demo-model"
    files = loading.load_pretrained("demo-bert", "sequence_classification", ("negative", "positive"), seed=42)
    loading.save(loading.from_files(files), folder)
    loading.load_tokenizer("demo-bert").save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _end_what_was_started():
    yield
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
