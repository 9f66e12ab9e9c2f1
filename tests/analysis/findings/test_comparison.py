"""What may be compared across tasks, and what is left out."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.across.command import main
from analysis.errors import CannotAnswer
from analysis.findings.comparison import compare
from analysis.words.across import notes
from search_spaces.errors import UsageError
from tests.make import runs as fabricated
from tests.make.runs import two_tasks

LENGTHS = (16, 32, 48, 64, 128)


def test_one_task_is_refused(tmp_path: Path) -> None:
    first, _ = two_tasks(tmp_path)
    with pytest.raises(UsageError, match=r"runs of at least two tasks must be given, but got sst2; add the run"):
        compare([first])


@pytest.mark.parametrize(
    ("column", "other", "message"),
    [
        (
            "energy_source",
            "estimate",
            r"one source of energy, but got sst2: nvml_counter; squad: estimate; measured and",
        ),
        ("energy_source", "nvml_power", r"one source of energy, but got sst2: nvml_counter; squad: nvml_power"),
        ("gpu_name", "NVIDIA L4", r"one kind of card, but got sst2: NVIDIA H100 80GB HBM3; squad: NVIDIA L4;"),
        ("model", "roberta-base", r"one model, but got sst2: bert-base-uncased; squad: roberta-base;"),
    ],
)
def test_different_cards_sensors_and_models_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, other: str, message: str
) -> None:
    first, second = two_tasks(tmp_path)
    rows = pd.read_csv(second / "results.csv").assign(**{column: other})
    rows.to_csv(second / "results.csv", index=False)
    with pytest.raises(UsageError, match=message):
        compare([first, second])
    assert main([str(first), str(second)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_estimate_hidden_in_a_flag_is_refused(tmp_path: Path) -> None:
    first, second = two_tasks(tmp_path)
    rows = pd.read_csv(second / "results.csv").assign(flags="estimated")
    rows.to_csv(second / "results.csv", index=False)
    with pytest.raises(UsageError, match=r"squad: estimate"):
        compare([first, second])


def test_one_model_at_two_paths_is_one_model(tmp_path: Path) -> None:
    first, second = two_tasks(tmp_path, sst2={"model": "bert-base-uncased"}, squad={"model": "/data/bert-base-uncased"})
    assert compare([first, second]).model == "bert-base-uncased"


def test_a_task_without_a_valid_energy_is_left_out_with_a_word(tmp_path: Path) -> None:
    first, second = two_tasks(tmp_path)
    third = fabricated.write_csv_run(
        tmp_path / "qqp", fabricated.table(LENGTHS, (12,), task="qqp", flags="short_window")
    )
    found = compare([first, second, third])
    assert [task.name for task in found.tasks] == ["sst2", "squad"]
    assert found.without_energy == ["qqp"]
    assert "qqp has no trial with a valid energy, so it is not compared." in notes(found)
    assert len(found.excluded) == 10


def test_two_tasks_of_which_one_has_no_energy_are_no_comparison(tmp_path: Path) -> None:
    first, second = two_tasks(tmp_path, squad={"flags": "short_window"})
    with pytest.raises(CannotAnswer, match=r"but there is sst2; without one: squad\."):
        compare([first, second])


def test_where_the_shortest_limit_is_not_the_cheapest_both_are_known(tmp_path: Path) -> None:
    sst2, squad = compare(two_tasks(tmp_path)).tasks
    found = sst2.cheapest("max_seq_len")
    assert found is not None
    assert (found.ratio, found.smallest["max_seq_len"]) == (1.0, 16)
    long = squad.cheapest("max_seq_len")
    assert long is not None
    assert long.inputs[0] > 1
    assert long.ratio >= 1
