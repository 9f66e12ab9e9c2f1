"""The search without a GPU: history and stopping by hand, every sampler on a made-up grid, one start through Ray."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from analysis.findings.recommend import recommend
from analysis.rows.load import load
from benchmarks.checks.search_efficiency.recorded_grid import read_grid
from benchmarks.checks.search_efficiency.replay import replay
from search_spaces.errors import UsageError
from search_spaces.goal import Goal
from search_spaces.models import Limits
from search_spaces.prune import PruneRule
from search_spaces.samplers import SAMPLERS
from search_spaces.search_config import SearchConfig
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import Axes, SweepConfig
from tests.make.exports import check_answers
from tests.make.rows import write_trial
from tests.make.runs import table, write_csv_run
from tests.tuner.test_sweep import QUICK
from tuner.search import run as search_run
from tuner.search.answer import answer_costs
from tuner.search.earlier_runs import read_runs
from tuner.search.history import History, hypervolume, outcome_of, reference_point
from tuner.search.points import taken
from tuner.search.results import no_answer
from tuner.search.sampler import make_sampler
from tuner.search.searcher import FrontierSearch
from tuner.search.stopping import Stopping
from tuner.search.study import IDENTITY, add_imported, check_identity, identity, open_storage, restore

ROOT = Path(__file__).resolve().parents[3]
LENGTHS, DEPTHS = (16, 32, 48, 128), (6, 9, 12)
CONFIG = SweepConfig(model="bert-base-uncased", axes=Axes(LENGTHS, DEPTHS, ("fp32", "fp16")))
SPACE = SearchSpace.of(CONFIG, [Limits(12, 512)], "cuda")


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(scope="module")
def rows():
    """trial_id -> row of the 24 points."""
    records = table(LENGTHS, DEPTHS).to_dict("records")
    return {r["trial_id"]: r for r in records}


def make(sampler="random", seed=0, stopping=None, storage=None, **changes):
    goal = changes.pop("goal", Goal())
    search = FrontierSearch(
        SPACE, goal, make_sampler(sampler, SPACE, seed), stopping or Stopping(), storage=storage, **changes
    )
    search.study.set_user_attr(IDENTITY, identity(SPACE, goal))
    return search


def point_of(job):
    return tuple(job[axis] for axis in SPACE.axes)


def drive(search, answer, most=1000):
    """Ask and answer until the search is finished; the suggested points."""
    points = []
    for i in range(most):
        suggestion = search.suggest(str(i))
        if not isinstance(suggestion, dict):
            break
        points.append(point_of(suggestion["job"]))
        search.on_trial_complete(str(i), answer(suggestion["job"]))
    return points


def recorded(rows):
    return lambda job: rows[SPACE.trial(point_of(job)).trial_id]


# ---- history and stopping, by hand ----


def ok(accuracy, energy, start=False, **more):
    row = {"status": "ok", "accuracy": accuracy, "energy_j_per_example": energy, "trial_s": 10.0} | more
    return outcome_of(Goal(), row, f"{accuracy}-{energy}", start)


def test_hypervolume_worked_by_hand():
    # against (0, 0): 1 x 2 and 3 x 1, overlapping in 1 x 1
    assert hypervolume([(-1.0, -2.0), (-3.0, -1.0)], (0.0, 0.0)) == pytest.approx(4.0)
    assert hypervolume([(-1.0,), (-3.0,)], (0.5,)) == pytest.approx(3.5)
    assert hypervolume([], (0.0, 0.0)) == 0.0


def test_the_reference_is_a_tenth_beyond_the_worst_start_point():
    assert reference_point([(-0.9, -1.0), (-0.5, -2.0)]) == pytest.approx((-0.46, -0.9))
    assert reference_point([(-0.9, -1.0)]) == pytest.approx((-0.89, -0.99))


def test_the_history_follows_the_frontier():
    history = History(Goal())
    history.add(ok(0.9, 0.1, start=True))
    history.add(ok(0.5, 0.01, start=True))
    # reference (-0.46, -0.9): (0.44 x 0.1) + (0.04 x 1.1) - 0.04 x 0.1
    assert history.hypervolume == pytest.approx(0.084)
    history.add(ok(0.8, 1.0))
    assert history.volumes[-1] == history.volumes[-2]
    history.add(ok(0.9, 0.01))
    assert history.hypervolume == pytest.approx(0.44 * 1.1)
    assert [s.trial_id for s in history.frontier] == ["0.9-0.01"]
    assert history.device_s == 40.0


def test_failed_flagged_pruned_and_infeasible_rows_are_never_on_the_frontier():
    history = History(Goal())
    history.add(ok(0.9, 0.1, start=True))
    history.add(ok(0.95, None))
    history.add(ok(0.95, 0.001, flags="estimated;short_window"))
    history.add(ok(0.95, None, status="pruned", energy_bound_j_per_example=0.001))
    limited = outcome_of(
        Goal(min_accuracy=0.92), {"status": "ok", "accuracy": 0.91, "energy_j_per_example": 1}, "x", False
    )
    assert not limited.feasible
    assert [s.status for s in history.outcomes] == ["ok", "failed", "failed", "pruned"]
    assert len(history.frontier) == 1


def test_each_stopping_rule_says_which_it_was():
    history = History(Goal())
    history.add(ok(0.9, 0.1, start=True))
    history.add(ok(0.5, 0.01, start=True))
    assert Stopping(trials=3).reason(history, 2, 0.0) is None
    assert Stopping(trials=2).reason(history, 2, 0.0) == "2 trials (--trials)"
    # trials took 10 s: one begun at 85 s of 90 would end too late
    assert Stopping(time_budget_s=90).reason(history, 2, 79.0) is None
    assert "--time-budget" in Stopping(time_budget_s=90).reason(history, 2, 85.0)


# ---- samplers ----


@pytest.mark.seconds
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_point_is_proposed_once_and_then_the_space_is_exhausted(sampler, rows):
    search = make(sampler, prune=False)
    assert search.enqueue_start_points() == 4
    # a few real proposals of the sampler (a Gaussian process takes a while), the rest as if already measured
    most = 8 if sampler == "gp" else 1000
    points = drive(search, recorded(rows), most)
    assert points[:4] == SPACE.start_points
    assert len(set(points)) == len(points) == min(most, 24)
    if sampler != "gp":
        assert search.stopped == "all 24 configurations of the space were tried"
        assert set(points) == set(SPACE.points)


@pytest.mark.parametrize("sampler", ["gp", "tpe"])
def test_a_seed_repeats_a_search_exactly_and_another_does_not(sampler, rows):
    def points(seed):
        search = make(sampler, seed)
        search.enqueue_start_points()
        return drive(search, recorded(rows), 7 if sampler == "gp" else 9)

    assert points(1) == points(1)
    assert sampler == "gp" or points(1) != points(2)  # two Gaussian processes may agree


def test_parallel_trials_are_different_points():
    search = make("tpe")
    jobs = [search.suggest(str(i))["job"] for i in range(8)]  # none has come back
    assert len({point_of(job) for job in jobs}) == 8


def test_failures_and_nulls_are_told_as_failed_and_none_stays_running(rows):
    search = make("random")
    suggested = [search.suggest(str(i))["job"] for i in range(5)]
    good = recorded(rows)(suggested[0])
    search.on_trial_complete("0", good)
    search.on_trial_complete("1", dict(good, energy_j_per_example=float("nan")))
    search.on_trial_complete("2", dict(good, status="oom", energy_j_per_example=None, error="CUDA out of memory"))
    search.on_trial_complete("3", None, error=True)  # its process died
    search.on_trial_complete("4", None)  # stopped from outside: may be tried again
    states = [t.state.name for t in search.study.trials]
    assert states == ["COMPLETE", "FAIL", "FAIL", "FAIL", "FAIL"]
    assert search.study.trials[2].user_attrs["error"] == "CUDA out of memory"
    assert taken(search.study, SPACE) == {point_of(job) for job in suggested[:4]}


def test_energy_is_told_on_a_log_scale_and_limits_as_constraints(rows):
    search = make("tpe", goal=Goal(min_accuracy=0.99))
    job = search.suggest("0")["job"]
    row = recorded(rows)(job)
    search.on_trial_complete("0", row)
    (trial,) = search.study.trials
    assert trial.values == pytest.approx([row["accuracy"], np.log10(row["energy_j_per_example"])])
    assert trial.constraints["--min-accuracy"] == pytest.approx((0.99 - row["accuracy"]) / 0.99)
    assert search.history.frontier == []


def test_fresh_trials_are_not_the_searchs_own(tmp_path):
    rows = table((16, 128), (12,))
    fresh = rows.assign(purpose="confirm", energy_j_per_example=9.0)
    for record in (*rows.to_dict("records"), *fresh.to_dict("records")):
        name = f"{record['purpose']}-{record['trial_id']}"
        write_trial(
            tmp_path / "ray" / "measure-0", {k: None if pd.isna(v) else v for k, v in record.items()}, name=name
        )
    found = search_run._rows(tmp_path)
    assert set(found) == set(rows["trial_id"])
    assert max(row["energy_j_per_example"] for row in found.values()) < 9


def test_only_start_points_are_measured_whatever_the_frontier(rows):
    search = make("random")
    search.enqueue_start_points()
    jobs = [search.suggest(str(i))["job"] for i in range(6)]
    assert ["prune" in job for job in jobs] == [False] * 4 + [True] * 2
    for i, job in enumerate(jobs):
        search.on_trial_complete(str(i), recorded(rows)(job))
    rule = PruneRule.from_dict(search.suggest("6")["job"]["prune"])
    assert rule.frontier == tuple(s.scores for s in search.history.frontier)


def test_pruned_trials_are_told_their_bounds_and_are_never_best(rows):
    search = make("random")
    first = search.suggest("0")["job"]
    search.on_trial_complete("0", dict(recorded(rows)(first), accuracy=0.9, energy_j_per_example=0.01))
    search.suggest("1")
    pruned = {"status": "pruned", "accuracy": 0.8, "energy_bound_j_per_example": 0.1, "error": "dominated"}
    search.on_trial_complete("1", pruned)
    trial = search.study.trials[1]
    assert trial.values == pytest.approx([0.8, -1.0])
    assert trial.user_attrs["status"] == "pruned"
    assert [t.number for t in search.study.best_trials] == [0]


def test_one_objective_is_a_single_objective_search(rows):
    search = make("tpe", goal=Goal(("energy_j_per_example",)))
    drive(search, recorded(rows), 6)
    cheapest = min(t.value for t in search.study.trials)
    assert search.study.best_value == cheapest
    assert len(search.history.frontier) == 1


# ---- the study on disk ----


@pytest.mark.seconds
def test_a_killed_search_goes_on_with_what_was_written(tmp_path, rows):
    search = make("random", storage=open_storage(tmp_path))
    drive(search, recorded(rows), 4)
    lost, late = (point_of(search.suggest(str(i))["job"]) for i in (10, 11))
    on_disk = {n: rows[n] for n in [s.trial_id for s in search.history.outcomes] + [SPACE.trial(late).trial_id]}
    again = make("random", seed=5, storage=open_storage(tmp_path))  # the first driver was killed
    restore(again, on_disk)
    assert [s.trial_id for s in again.history.outcomes] == list(on_disk)
    assert not [t for t in again.study.trials if not t.state.is_finished()]
    assert late in taken(again.study, SPACE)
    assert lost not in taken(again.study, SPACE)
    points = drive(again, recorded(rows))
    assert lost in points
    assert len(points) == 24 - 5


@pytest.mark.seconds
def test_a_resumed_search_knows_which_of_its_trials_and_of_the_imported_ones_are_answers(tmp_path, rows):
    """What is fp32 is imported, the baseline too: of these the study alone tells. The others have rows on disk."""
    search = make("random", storage=open_storage(tmp_path))
    add_imported(search, {p: rows[SPACE.trial(p).trial_id] for p in SPACE.points if "fp32" in p})
    drive(search, recorded(rows))
    known = answer_costs(search.history)
    assert np.isfinite(known[12:]).any()
    again = make("random", storage=open_storage(tmp_path))
    restore(again, {s.trial_id: rows[s.trial_id] for s in search.history.measured})
    assert list(answer_costs(again.history)) == list(known)


@pytest.mark.parametrize(
    ("space", "goal", "message"),
    [
        (replace(SPACE, task="qqp"), Goal(), "task was 'sst2' and is 'qqp'"),
        (replace(SPACE, values=((16,), *SPACE.values[1:])), Goal(), r"max_seq_len was \[16, 32, 48, 128\]"),
        (SPACE, Goal(min_accuracy=0.9), "min_accuracy was None and is 0.9"),
    ],
)
def test_a_study_of_another_space_or_task_is_refused(tmp_path, space, goal, message):
    make(storage=open_storage(tmp_path))
    storage = open_storage(tmp_path)
    check_identity(storage, "jouletune", SPACE, Goal(), tmp_path / "study.db")
    with pytest.raises(UsageError, match=message):
        check_identity(storage, "jouletune", space, goal, tmp_path / "study.db")


def test_a_file_that_is_no_study_is_refused(tmp_path):
    (tmp_path / "study.db").write_text("not a database")
    with pytest.raises(UsageError, match="must be an Optuna study"):
        open_storage(tmp_path)


@pytest.mark.seconds
@pytest.mark.parametrize("damage", ["cut short", "overwritten"])
def test_a_damaged_study_is_refused_and_made_again_from_the_rows_once_deleted(tmp_path, rows, damage):
    search = make("random", storage=open_storage(tmp_path))
    drive(search, recorded(rows), 6)
    file = tmp_path / "study.db"
    content = bytearray(file.read_bytes())
    if damage == "cut short":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[4096 * 3 : 4096 * 20] = b"\xff" * (4096 * 17)
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"must be an Optuna study, but .*delete it, and it is made again"):
        open_storage(tmp_path)
    file.unlink()
    again = make("random", storage=open_storage(tmp_path))
    restore(again, {s.trial_id: rows[s.trial_id] for s in search.history.outcomes})
    assert {s.trial_id for s in again.history.outcomes} == {s.trial_id for s in search.history.outcomes}


@pytest.mark.seconds
def test_a_study_that_contradicts_the_rows_is_refused(tmp_path, rows):
    search = make("random", storage=open_storage(tmp_path))
    drive(search, recorded(rows), 4)
    on_disk = {s.trial_id: rows[s.trial_id] for s in search.history.outcomes}
    restore(make("random", storage=open_storage(tmp_path)), on_disk)
    name = next(iter(on_disk))
    changed = on_disk | {name: on_disk[name] | {"energy_j_per_example": 9.0}}
    with pytest.raises(UsageError, match="the study must say what the rows say"):
        restore(make("random", storage=open_storage(tmp_path)), changed)


def test_an_earlier_grid_is_known_and_not_measured_again(tmp_path):
    grid = write_csv_run(tmp_path / "grid", table((16, 128), (12,), replicates=2))
    found = read_runs([grid], SPACE, Goal(), ["NVIDIA H100 80GB HBM3"])
    assert len(found) == 4
    swept = table((16, 128), (12,), replicates=2)
    fresh = swept.assign(purpose="confirm", energy_j_per_example=9.0, trial_id=swept["trial_id"] + "-fresh")
    again = write_csv_run(tmp_path / "confirmed", pd.concat([swept, fresh]))
    with_fresh = read_runs([again], SPACE, Goal(), ["NVIDIA H100 80GB HBM3"])
    energies = [{p: row["energy_j_per_example"] for p, row in rows.items()} for rows in (with_fresh, found)]
    assert energies[0] == pytest.approx(energies[1])
    search = make("random")
    assert add_imported(search, found) == 4
    assert search.enqueue_start_points() == 1  # three of the four were in the grid
    assert search.history.device_s == 0
    assert search.history.hypervolume > 0
    rest = {r["trial_id"]: r for r in table(LENGTHS, DEPTHS).to_dict("records")}
    assert len(drive(search, recorded(rest))) == 20


@pytest.mark.parametrize(
    ("space", "devices", "message"),
    [
        (replace(SPACE, task="qqp"), [], "task is sst2 in .* and qqp here"),
        (replace(SPACE, seed=7), [], "seed is 42"),
        (SPACE, ["NVIDIA L4"], "measured on NVIDIA H100 80GB HBM3 and this machine has NVIDIA L4"),
        (replace(SPACE, values=((20,), *SPACE.values[1:])), [], "holds none"),
    ],
)
def test_a_grid_of_something_else_is_not_imported(tmp_path, space, devices, message):
    grid = write_csv_run(tmp_path / "grid", table((16, 128), (12,)))
    with pytest.raises(UsageError, match=message):
        read_runs([grid], space, Goal(), devices)


# ---- the benchmark ----


def test_the_answers_of_a_grid_and_the_regret_without_the_best_of_them(tmp_path):
    """Baseline fp32, 128 tokens, 12 layers; what the report calls not worse, by its own table."""
    run = write_csv_run(tmp_path / "grid", table(LENGTHS, DEPTHS))
    grid, found = read_grid(run), recommend(load(run))
    assert min(grid.answers.values()) == pytest.approx(found.choice["energy_j_per_example"])
    assert max(grid.answers.values()) == pytest.approx(found.baseline["energy_j_per_example"])
    by_energy = sorted(grid.answers, key=grid.answers.__getitem__)
    assert grid.regret([by_energy[1], by_energy[0]]) == 0
    assert grid.regret(by_energy[1:]) == pytest.approx(grid.answers[by_energy[1]] / grid.answers[by_energy[0]] - 1)
    assert grid.regret(["a configuration that is worse"]) == float("inf")


def test_a_replay_finds_the_answer_and_pruning_saves_device_time(tmp_path):
    grid = read_grid(write_csv_run(tmp_path / "grid", table(LENGTHS, DEPTHS)))
    assert len(grid.rows) == 24
    assert grid.seconds == pytest.approx(24 * 17.0)
    pruned, full = (replay(grid, "tpe", 0, prune) for prune in (True, False))
    assert pruned.regrets[pruned.trials - 1] <= 0.02 < pruned.regrets[pruned.trials - 2]
    assert pruned.pruned > 0
    assert full.pruned == 0
    assert full.stop_seconds == pytest.approx(17.0 * full.stop_trials)
    assert pruned.stop_seconds < 17.0 * pruned.stop_trials


# ---- through Ray, and the command line ----


@pytest.mark.ray
def test_a_search_through_ray_is_a_run_folder_like_a_grids(tmp_path, capsys):
    config = replace(QUICK, axes=replace(QUICK.axes, max_seq_len=(16, 24, 32)))
    result = search_run.run(config, SearchConfig(sampler="tpe", patience=None), tmp_path / "run", confirm=False)
    assert result.stopped == "all 6 configurations of the space were tried"
    assert len(result.rows) == 6
    assert set(result.rows["status"]) <= {"ok", "pruned"}
    assert set(result.frontier) <= set(result.rows.loc[result.rows["status"] == "ok", "trial_id"])
    pruned = result.rows[result.rows["status"] == "pruned"]
    assert pruned["energy_j_per_example"].isna().all()
    assert (pruned["energy_bound_j_per_example"] > 0).all()
    assert list(result.history["trials"]) == [1, 2, 3, 4, 5, 6]
    assert result.history["hypervolume"].is_monotonic_increasing
    assert result.history["device_s"].iloc[-1] == pytest.approx(result.rows["trial_s"].sum())
    for name in ("study.db", "search.json", "history.csv", "figures/search_history.svg", "ray/measure-0"):
        assert (result.path / name).exists(), name
    study = optuna.load_study(study_name="jouletune", storage=f"sqlite:///{result.path}/study.db")
    assert {t.state.name for t in study.trials} == {"COMPLETE"}
    assert len(set(result.rows["worker"])) == 1, "the actor must be reused across trials"
    out = capsys.readouterr().out
    assert "[6] failed 0" in out
    assert "hypervolume" in out
    check_answers(result.path, result.frontier[0], tmp_path / "deployed")


@pytest.mark.parametrize(
    ("search", "changes", "message"),
    [
        (SearchConfig(trials=2), {}, "trials must be at least the 3 start points .* but got 2"),
        (SearchConfig(goal=Goal(max_memory_mib=800)), {}, "only where there is a GPU"),
        (SearchConfig(), {"random_weights": True}, "random weights have no accuracy"),
    ],
)
def test_impossible_requests_end_before_anything_is_written(search, changes, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        search_run.run(replace(QUICK, **changes), search, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_limits_that_nothing_keeps_name_what_came_closest():
    goal = Goal(min_accuracy=0.95)
    history = History(goal)
    found = []
    for name, accuracy in (("a", 0.8), ("b", 0.9)):
        row = {"status": "ok", "accuracy": accuracy, "energy_j_per_example": 0.1, "trial_id": name, "error": ""}
        found.append(row)
        history.add(outcome_of(goal, row, name, True))
    text = no_answer(history, found, Path("run"))
    assert "must keep --min-accuracy 0.95, but none of 2 tried does" in text
    assert "the closest: b (accuracy 0.9 against --min-accuracy 0.95)" in text


def search(*arguments):
    command = [sys.executable, "-m", "tuner.search", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_users_mistake_is_one_line_and_exit_code_2():
    done = search("--sampler", "cma")
    assert done.returncode == 2
    assert done.stderr.startswith("error: a sampler must be one of additive, gp, tpe, nsga2, random")
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_answers_in_under_a_second():
    def seconds():
        start = time.perf_counter()
        assert search("--help").returncode == 0
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 1


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        (3, "3 trials (--trials); 3 of 4 start points; nothing was searched"),
        (4, "4 trials (--trials); 4 of 4 start points; nothing was searched"),
        (5, "5 trials (--trials)"),
    ],
)
def test_a_search_that_ends_among_its_start_points_says_so(rows, trials, said):
    search = make("random", stopping=Stopping(trials=trials), prune=False)
    search.enqueue_start_points()
    drive(search, recorded(rows))
    assert search.stopped == said


def test_a_point_that_still_runs_counts_as_searched_only_where_it_is_no_start_point(rows):
    for trials, said in ((2, "2 of 4 start points; nothing was searched"), (5, "(--trials)")):
        search = make("random", stopping=Stopping(trials=trials), prune=False)
        search.enqueue_start_points()
        for i in range(trials):
            search.suggest(str(i))
        search.suggest("last")
        assert search.stopped.endswith(said)
