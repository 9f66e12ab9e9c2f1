"""The line of a finished trial, and how a phase is counted. No Ray is started."""

from types import SimpleNamespace

from tests.make.rows import row
from tuner.cluster.progress import Progress, measured_line


def test_a_row_is_told_by_its_axes_and_what_came_out():
    measured = row(48, 12, "fp16", energy=0.0255, right=800, replicate=1)
    scores = f"accuracy {800 / 872:.4f}"
    name = "fp16 len48 depth12 b64 max_length eager r1"
    assert measured_line(measured) == f"{name}  {scores}  0.0255 J/example"
    estimated = measured | {"energy_source": "estimate", "flags": "estimated;few_windows", "f1": 0.5}
    expected = f"{name}  {scores}  f1 0.5000  0.0255 J/example (estimated)  [estimated;few_windows]"
    assert measured_line(estimated) == expected
    failed = measured | {"status": "oom", "error": "CUDA out of memory"}
    assert measured_line(failed) == f"{name}  oom: CUDA out of memory"


def test_trials_are_counted_by_what_became_of_them(capsys):
    progress = Progress(total=5, done=2)
    trials = [SimpleNamespace(config={"job": {"name": name, "phase": "measure"}}, error_file=None) for name in "abc"]
    for trial in trials:
        progress.on_trial_start(trial)
    progress.on_trial_result(trials[0], row())
    progress.on_trial_complete(trials[0])
    progress.on_trial_result(trials[1], row() | {"status": "failed", "error": "ValueError: x"})
    progress.on_trial_complete(trials[1])
    progress.on_trial_error(trials[2])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  left")[0] for line in lines] == [
        "starting a process that measures: 0.0 s",  # of the first trial alone
        "[3/5] failed 0  running 2",
        "[4/5] failed 1  running 1",
        "[5/5] failed 2  running 0",
    ]
    assert lines[3].endswith("c  given up: the trial's process died")
