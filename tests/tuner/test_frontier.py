"""Which trials a sweep adds after its grid: what is compared, until each has its replicates."""

from pathlib import Path

from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from tests.make.rows import frame, row
from tests.make.runs import write_csv_run
from tuner.frontier import frontier_trials, replicate_frontier

# tokens -> (J/example, correct of 872): 16 and 64 are on the frontier, 32 is worse than 64 in both, 128 the baseline
GRID = {16: (0.01, 700), 32: (0.04, 790), 64: (0.03, 800), 128: (0.1, 799)}
CONFIG = SweepConfig(model="bert-base", frontier_replicates=2)
TRIALS = [TrialConfig("sst2", "bert-base", 42, tokens, 12, "fp32") for tokens in GRID]


def written(folder: Path, extra=()) -> Path:
    rows = [row(tokens, energy=energy, right=right) for tokens, (energy, right) in GRID.items()]
    return write_csv_run(folder, frame([*rows, *extra]))


def test_the_frontier_and_the_baseline_are_measured_again(tmp_path):
    found = frontier_trials(CONFIG, written(tmp_path / "run"), TRIALS)
    assert [(t.max_seq_len, t.replicate) for t in found] == [(16, 1), (64, 1), (128, 1)]


def test_a_second_trial_that_moves_the_frontier_adds_what_is_on_it_now(tmp_path):
    # 64's mean becomes 0.065, so 32 (0.04) is no longer worse in both
    run = written(tmp_path / "run", [row(64, energy=0.1, right=800, replicate=1)])
    assert [t.max_seq_len for t in frontier_trials(CONFIG, run, TRIALS)] == [16, 32, 64, 128]


def test_rounds_end_and_an_interruption_ends_them_at_once(tmp_path):
    asked = []

    def measure(trials: list[TrialConfig]) -> bool:
        asked.append(len(trials))
        return len(asked) < 2

    assert replicate_frontier(CONFIG, written(tmp_path / "run"), TRIALS, measure) is False
    assert asked == [3, 3]
