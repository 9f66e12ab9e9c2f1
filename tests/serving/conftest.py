"""Runs and exports that several tests read, made once."""

from pathlib import Path

import pytest

from serving.make_export import export
from serving.run_folder import find
from tests.make.measured_run import Case, demo_case, measured_run, squad_case, trial_of, tsv_case

PADDINGS = ("max_length", "longest", "packed")
CASES = ("demo", "tsv", "squad")


def made(name: str, folder: Path) -> Case:
    if name == "demo":
        return demo_case()
    return tsv_case(folder) if name == "tsv" else squad_case(folder)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Case]]:
    """By task: a run of every padding, eager; of the demo also bf16, fp16 and int8, and 8 tokens; and its case."""
    found = {}
    for name in CASES:
        folder = tmp_path_factory.mktemp(name)
        case = made(name, folder / "data")
        trials = [trial_of(case, padding=padding) for padding in PADDINGS]
        if name == "demo":
            trials += [trial_of(case, padding="packed", precision=p) for p in ("bf16", "fp16", "int8")]
            trials += [trial_of(case, padding="max_length", max_seq_len=8)]  # every batch is full: no mask
        found[name] = (measured_run(folder / "run", case, trials), case)
    return found


@pytest.fixture(scope="session")
def exported(runs: dict[str, tuple[Path, Case]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the demo: packed, fp32, 24 tokens."""
    run, case = runs["demo"]
    folder = tmp_path_factory.mktemp("exported") / "demo"
    export(find(run, trial_of(case, padding="packed").trial_id), folder)
    return folder
