"""What earlier runs measured, as prior knowledge of a search (--from-run): their rows and their fine-tuned model."""

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.findings.configurations import valid
from analysis.rows.load import load
from search_spaces.errors import UsageError
from search_spaces.goal import Goal
from search_spaces.search_space import Point, SearchSpace
from search_spaces.sweep_config import SweepConfig
from tuner.run.folder import SWEEP_FILE, read_sweep

Row = Mapping[str, Any]


def read_runs(paths: Sequence[Path], space: SearchSpace, goal: Goal, devices: Iterable[str]) -> dict[Point, Row]:
    """Configurations of the space that earlier runs measured, averaged over their replicates.

    `devices` are the names of this machine's cards: energies of another card are not comparable. Raises
    UsageError for another task, model, seed or card, and where nothing of the runs lies in the space.
    """
    rows = load(*paths)
    runs = ", ".join(map(str, paths))
    models = list(space.own) or [space.model]
    for column, here in (("task", [space.task]), ("model", models), ("seed", [str(space.seed)])):
        there = sorted({str(v) for v in rows[column].dropna()})
        if not set(here) & set(there):
            raise UsageError(
                f"--from-run needs runs of the same task, model and seed, but {column} is {', '.join(there)} in "
                f"{runs} and {', '.join(here)} here; give another run"
            )
        rows = rows[rows[column].isna() | rows[column].astype(str).isin(here)]
    cards, mine = set(rows["gpu_name"].dropna()), set(devices)
    if cards and mine and not cards <= mine:
        raise UsageError(
            f"--from-run needs runs of the same card, but {runs} was measured on {', '.join(sorted(cards))} and "
            f"this machine has {', '.join(sorted(mine))}; measure again here"
        )
    found: dict[Point, list[dict[str, Any]]] = {}
    for record in ({str(k): v for k, v in r.items()} for r in valid(rows)[0].to_dict("records")):
        point = tuple(record[axis] for axis in space.axes)
        values = goal.values(record)
        if values is not None and space.allows(point):
            found.setdefault(point, []).append(record)
    if not found:
        raise UsageError(
            f"--from-run needs runs with configurations of this space, but {runs} holds none with "
            f"{', '.join(goal.objectives)}; see its results.csv"
        )
    return {point: _mean(records) for point, records in found.items()}


def _mean(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first row, with the means of its numbers over replicates."""
    first = dict(records[0])
    for name, value in first.items():
        if isinstance(value, float) and len(records) > 1:
            numbers = [float(r[name]) for r in records if not math.isnan(float(r[name]))]
            first[name] = sum(numbers) / len(numbers) if numbers else value
    return first


def check_weights(config: SweepConfig, from_runs: Sequence[Path]) -> None:
    """Accuracies can be mixed only where the weights and the evaluated examples are the same."""
    for path in from_runs:
        if not (path / SWEEP_FILE).is_file():
            continue  # a table without its sweep: taken at its word
        theirs = read_sweep(path)
        tuned = not (config.checkpoint or theirs.checkpoint)
        for what, mine, other in (
            ("fine-tuning", config.finetuning if tuned else None, theirs.finetuning if tuned else None),
            ("eval_examples", config.measuring.eval_examples, theirs.measuring.eval_examples),
            ("random_weights", config.random_weights, theirs.random_weights),
        ):
            if mine != other:
                raise UsageError(
                    f"--from-run needs the same weights and examples, but the {what} of {path} is {other} and here "
                    f"it is {mine}; give the same options as there"
                )


def take_checkpoint(target: Path, from_runs: Sequence[Path]) -> None:
    """Use the weights that an earlier run was measured with: nothing is fine-tuned again."""
    for path in from_runs:
        source = path / "checkpoints" / target.name
        if source.is_dir() and not target.is_dir():
            temporary = target.with_name(target.name + ".tmp")
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(source, temporary)
            temporary.rename(target)
