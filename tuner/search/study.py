"""The study of a run folder: made once for one space and goal, brought up to date with the rows on disk."""

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy.exc
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import TrialState

from search_spaces.errors import UsageError
from search_spaces.goal import Goal
from search_spaces.search_space import Point, SearchSpace
from tuner.search.history import Outcome, answered, outcome_of
from tuner.search.points import INTERRUPTED
from tuner.search.searcher import FrontierSearch
from tuner.search.tell import add

STUDY_FILE = "study.db"  # SQLite: `optuna-dashboard sqlite:///RUN/study.db` opens it
IDENTITY = "space"  # user attribute of the study

Row = Mapping[str, Any]


def open_storage(folder: Path) -> BaseStorage:
    """The storage of a run folder's study, made where there is none."""
    file = folder / STUDY_FILE
    try:
        _check_pages(file)
        return RDBStorage(f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": 60}})
    except (sqlalchemy.exc.DatabaseError, sqlite3.DatabaseError, RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{file} must be an Optuna study, but {reason}; {_REMEDY}") from error


_REMEDY = "delete it, and it is made again from the rows on disk, or give another --output-dir"


def _check_pages(file: Path) -> None:
    """Raise sqlite3.DatabaseError for a file that was cut short or overwritten in part: SQLite reads on otherwise."""
    if not file.exists():
        return
    with closing(sqlite3.connect(file, timeout=60)) as connection:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {' '.join(found.split())}")


def identity(space: SearchSpace, goal: Goal) -> dict[str, Any]:
    """What a study must not change: its space and its goal."""
    axes = {axis: list(values) for axis, values in zip(space.axes, space.values, strict=True)}
    return {
        "task": space.task,
        "model": space.model,
        "seed": space.seed,
        "device": space.device,
        **axes,
        **json.loads(json.dumps(goal.to_dict())),
    }


def check_identity(storage: BaseStorage, name: str, space: SearchSpace, goal: Goal, file: Path) -> None:
    """Raise UsageError when the stored study is of another space, task or goal; nothing for a new one."""
    names = [study.study_name for study in storage.get_all_studies()]
    if not names:
        return
    if name not in names:
        raise UsageError(f"{file} must hold the study {name}, but holds {', '.join(names)}; give another --output-dir")
    stored = storage.get_study_user_attrs(storage.get_study_id_from_name(name)).get(IDENTITY)
    wanted = identity(space, goal)
    if stored == wanted:
        return
    different = [
        f"{key} was {(stored or {}).get(key)!r} and is {value!r}"
        for key, value in wanted.items()
        if (stored or {}).get(key) != value
    ]
    raise UsageError(
        f"a search goes on with the space, task and goal it was started with, but in {file} "
        f"{'; '.join(different[:3])}; start a new search, with --from-run to keep what was measured"
    )


def restore(search: FrontierSearch, rows: Mapping[str, Row]) -> None:
    """Bring the study up to date with the rows on disk (trial_id -> row), and the history with the study.

    A trial that a kill left running is told as interrupted; if its row was written it is added, otherwise its
    point may be tried again.
    """
    study, space = search.study, search.points
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study._storage.set_trial_user_attr(trial._trial_id, INTERRUPTED, True)
        study.tell(trial.number, state=TrialState.FAIL)
    done = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
    _check_values(done, rows, search.goal)
    known = {t.user_attrs.get("configuration") for t in done if not t.user_attrs.get(INTERRUPTED)}
    for point in space.points:
        name = space.trial(point).trial_id
        if name in rows and name not in known:
            outcome = outcome_of(search.goal, rows[name], name, point in space.start_points)
            add(study, space, search.goal, point, outcome, rows[name])
    for outcome in outcomes(study, search.goal, rows):
        search.history.add(outcome)


def _check_values(trials: Iterable[optuna.trial.FrozenTrial], rows: Mapping[str, Row], goal: Goal) -> None:
    """UsageError where the study says something else of a trial than its row: one of them was changed."""
    for trial in trials:
        kept = trial.user_attrs
        row = rows.get(str(kept.get("configuration")))
        if row is None or kept.get("imported") or kept.get(INTERRUPTED) or kept.get("status") != row["status"]:
            continue  # told of a lost trial, of which the row came later
        values = goal.values(row)
        for name, value in (values or {}).items():
            if name in kept and not math.isclose(float(kept[name]), value, rel_tol=1e-9):
                raise UsageError(
                    f"the study must say what the rows say, but of {kept['configuration']} {STUDY_FILE} has {name} "
                    f"{kept[name]} and the row {value}; {_REMEDY}"
                )


def outcomes(study: optuna.Study, goal: Goal, rows: Mapping[str, Row]) -> list[Outcome]:
    """The finished trials of a study in the order they ended; how its own answer is in the rows alone."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED))
    told = [t for t in trials if "status" in t.user_attrs and not t.user_attrs.get(INTERRUPTED)]
    told.sort(key=lambda t: (t.datetime_complete, t.number))
    return [_outcome(t.user_attrs, goal, rows.get(t.user_attrs["configuration"], {})) for t in told]


def _outcome(kept: Mapping[str, Any], goal: Goal, row: Row) -> Outcome:
    values = {name: kept[name] for name in goal.objectives if name in kept}
    known = len(values) == len(goal.objectives)
    return Outcome(
        trial_id=kept["configuration"],
        status=kept["status"],
        values=values if known else None,
        scores=goal.scores(values) if known else None,
        feasible=kept["feasible"],
        device_s=kept["device_s"],
        start=kept["start"],
        imported=kept["imported"],
        **({name: kept.get(name) for name in answered({})} if kept["imported"] else answered(row)),
    )


def add_imported(search: FrontierSearch, imported: Mapping[Point, Row]) -> int:
    """Add the rows of earlier runs as trials of the study; how many."""
    starts = set(search.points.start_points)
    for point, row in imported.items():
        name = search.points.trial(point).trial_id
        outcome = outcome_of(search.goal, row, name, point in starts, imported=True)
        add(search.study, search.points, search.goal, point, outcome, row)
        search.history.add(outcome)
    return len(imported)
