"""One reader of sweep.json: the same words for whoever asks, each with a remedy of its own."""

from dataclasses import replace

import pytest

from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from serving.run_folder import find
from trainables.rows.sweep_file import read_sweep
from tuner.run.folder import RunFolder


def test_what_was_written_is_read(tmp_path):
    wanted = replace(DEMO, seeds=(3, 4))
    run = RunFolder.create(tmp_path / "run")
    run.begin(wanted)
    run.close()
    assert read_sweep(tmp_path / "run", "") == wanted


@pytest.mark.parametrize(
    ("read", "remedy"),
    [
        (lambda run: read_sweep(run, "give another"), "give another"),
        (lambda run: find(run, "a-trial"), "give the folder that was --output-dir"),
        (RunFolder.resume, "give an earlier --output-dir"),
    ],
)
def test_a_folder_without_it_is_told_in_one_line(read, remedy, tmp_path):
    for run, what in ((tmp_path, "has none"), (tmp_path / "nowhere", "does not exist")):
        with pytest.raises(UsageError) as mistake:
            read(run)
        said = f"a run folder must hold sweep.json (written by tuner.grid or tuner.search), but {run} {what}; {remedy}"
        assert str(mistake.value) == said
