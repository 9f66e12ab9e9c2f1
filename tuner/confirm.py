"""Choose, then confirm: after everything else, fresh trials of the baseline and of what was chosen.

The choice is written to confirmation.json before the first of them, so that nothing they say can change it, and a run
that is killed amid them goes on with the same one. They run one after the other in one process, and so on one card; the
rows' own UUID says whether they did, and a set that is spread over cards is measured again as a whole. Nothing is
deleted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.baseline import lost_baseline
from analysis.findings.configurations import comparison_numbers, valid
from analysis.findings.confirmation import Key, complete_set, devices, key_of, overlapping, reference
from analysis.findings.plain import plain
from analysis.findings.recommend import recommend
from analysis.rows.load import load
from analysis.rows.purpose import fresh_rows, sweep_rows
from search_spaces.axes import AXES
from search_spaces.errors import UsageError
from search_spaces.objectives import TOLERANCE
from search_spaces.sweep_config import SweepConfig
from trainables.rows.choice import CONFIRMATION_FILE, TRIALS_EACH, Choice, choices_text, read_choices
from tuner.cluster.devices import describe_machines
from tuner.driver import Driver
from tuner.fresh_data import ConfirmData
from tuner.fresh_trials import MOST_RUNNERS_UP, fresh_trials

MOST_SETS = 3  # fresh sets of one choice; more would not land on one card, or be clean, either


def confirm(driver: Driver, others: Sequence[Path] = (), promote: bool = False) -> bool:
    """Measure a whole fresh set of what the run chose, or say in a line why there is nothing to confirm; False where
    that was interrupted.

    `others`: runs whose rows the choice rests on, too. `promote`: choose the runner-up that came out cheaper, and
    measure another set.
    """
    run = driver.folder.path
    rows = load(run)
    try:
        made = _promoted(run, rows) if promote else _choice(driver.config, run, rows, others)
        made = _with_data(made, driver.inputs.fresh)
        _check_cards(driver, sweep_rows(rows))
    except CannotAnswer as reason:
        fresh = driver.inputs.fresh
        unused = "" if fresh is None else f"; so no trial has answered the fresh examples of {fresh.file}"
        print(f"not confirmed: {reason}{unused}", flush=True)
        return True
    while complete_set(fresh_rows(rows), made) is None:
        if _given_up(rows, made):
            print(f"not confirmed: in each of {MOST_SETS} fresh sets a trial failed or ran on another card", flush=True)
            return True
        if not made.sets or _all_measured(rows, made):
            made = made.with_set(_next_replicate(run, rows))
        _keep(driver, made)
        if not driver.measure(fresh_trials(driver.config, made, made.sets[-1]), in_turn=True):
            return False
        rows = load(run)
    return True


def is_being_confirmed(run: Path, fresh: ConfirmData | None = None) -> bool:
    """The newest choice rests on all trials that the run has by now, and its fresh set is not whole yet, or has not
    answered the `fresh` examples."""
    kept = read_choices(run)
    if not kept:
        return False
    rows = load(run)
    if kept[-1].sweep_digest != _digest(sweep_rows(rows)):
        return False
    made = _with_data(kept[-1], fresh)
    return complete_set(fresh_rows(rows), made) is None and not _given_up(rows, made)


def _given_up(rows: pd.DataFrame, made: Choice) -> bool:
    return len(made.sets) >= MOST_SETS and _all_measured(rows, made)


# ---- the choice ----


def _choice(config: SweepConfig, run: Path, measured: pd.DataFrame, others: Sequence[Path]) -> Choice:
    """The choice on disk where the sweep's rows are those it rests on, else a new one; not yet written. CannotAnswer
    where there is nothing to confirm."""
    own = sweep_rows(measured)
    digest, kept = _digest(own), read_choices(run)
    if kept and kept[-1].sweep_digest == digest:
        return kept[-1]
    rows = _one_comparison(sweep_rows(load(run, *others)) if others else own)
    lost = lost_baseline(rows)
    if lost:
        raise CannotAnswer(lost)
    found = recommend(rows)
    chosen = reference(found)
    if chosen is None:
        raise CannotAnswer(
            f"nothing cheaper than the baseline ({found.baseline['configuration']}) is known to keep its accuracy"
            if found.scored
            else f"nothing needs less energy than the baseline ({found.baseline['configuration']})"
        )
    runners_up = overlapping(found).head(MOST_RUNNERS_UP)
    seed = config.seeds[0]
    made = Choice(
        chosen_at=_now(),
        baseline=_configuration(config, found.baseline, seed),
        choice=_configuration(config, chosen, seed),
        runners_up=tuple(_configuration(config, row, seed) for _, row in runners_up.iterrows()),
        sweep_trials=len(own),
        sweep_digest=digest,
        sweep_devices=tuple(sorted(set(devices(valid(rows)[0])))),
        tolerance=TOLERANCE,
        measuring=asdict(config.measuring),
    )
    return next((c for c in reversed(kept) if _said(c) == _said(made)), made)


def _said(made: Choice) -> tuple[Key, Key]:
    """What the sweep chose against what."""
    return key_of(made.baseline), key_of(made.of_the_sweep)


def _promoted(run: Path, rows: pd.DataFrame) -> Choice:
    """A choice of the runner-up that came out cheaper. UsageError where none did."""
    kept = read_choices(run)
    found = complete_set(fresh_rows(rows), kept[-1]) if kept else None
    if found is not None:
        energy = {key: trials["energy_j_per_example"].mean() for key, trials in found.items()}
        best = min(kept[-1].configurations[1:], key=lambda configuration: energy[key_of(configuration)])
        if key_of(best) != key_of(kept[-1].choice):
            return _instead(kept[-1], best)
    elif kept and kept[-1].replaces is not None:
        return kept[-1]  # its set was interrupted
    raise UsageError(
        f"--promote needs a runner-up whose fresh trials came out cheaper than the choice's, but {run} has none; leave "
        "it out"
    )


def _instead(made: Choice, best: Mapping[str, Any]) -> Choice:
    return replace(made, chosen_at=_now(), choice=best, runners_up=(), sets=(), replaces=made.of_the_sweep)


def _with_data(made: Choice, fresh: ConfirmData | None) -> Choice:
    """The choice, to be compared on the fresh examples, too: where its sets have not answered them, by another set."""
    if fresh is None or made.fresh_data is not None:
        return made
    return replace(made, sets=(), fresh_data=fresh.record(), chosen_at=_now())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _one_comparison(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the largest comparison, and the failed ones: a sweep that was resumed elsewhere may hold two kinds of
    card."""
    clean = valid(rows)[0]
    if clean.empty:
        return rows
    groups = clean.groupby(comparison_numbers(clean), sort=False)
    largest = max((group for _, group in groups), key=len)
    return rows[rows.index.isin(largest.index) | ~rows.index.isin(clean.index)]


def _check_cards(driver: Driver, rows: pd.DataFrame) -> None:
    """CannotAnswer where no card here is of a kind that the sweep's trials ran on."""
    there = set(valid(rows)[0].dropna(subset=["gpu_uuid"])["gpu_name"])
    here = {gpu.get("name") for machine in describe_machines(driver.devices) for gpu in machine["gpus"]} - {None}
    if there and here and not there & here:
        raise CannotAnswer(
            f"the sweep ran on {', '.join(sorted(there))} and here is {', '.join(sorted(here))}, which says nothing of "
            "a saving there"
        )


def _configuration(config: SweepConfig, row: pd.Series, seed: int) -> dict[str, Any]:
    own = {name: plain(row[name]) for name in AXES}
    whole = {n: int(v) if isinstance(v, float) and v.is_integer() else v for n, v in own.items()}
    model = config.model_of(str(whole["model"])).name
    return {"task": config.task, "model": model, "seed": seed, **{n: v for n, v in whole.items() if n != "model"}}


def _digest(rows: pd.DataFrame) -> str:
    """Of the names, states and energies of trials, in no order."""
    cells = zip(rows["trial_id"], rows["status"], rows["energy_j_per_example"], strict=True)
    return hashlib.sha256("\n".join(sorted(f"{a} {b} {c!r}" for a, b, c in cells)).encode()).hexdigest()


# ---- the fresh sets ----


def _all_measured(rows: pd.DataFrame, made: Choice) -> bool:
    """Every trial of the newest set has a row."""
    first, fresh = made.sets[-1], fresh_rows(rows)
    own = fresh[(fresh["replicate"] >= first) & (fresh["replicate"] < first + TRIALS_EACH)]
    return len(own) >= TRIALS_EACH * len(made.configurations)


def _next_replicate(run: Path, rows: pd.DataFrame) -> int:
    """A number that no fresh trial of the run has, of any choice."""
    used = [int(n) for n in fresh_rows(rows)["replicate"]]
    used += [first + TRIALS_EACH - 1 for choice in read_choices(run) for first in choice.sets]
    return max(used, default=-1) + 1


def _keep(driver: Driver, made: Choice) -> None:
    """Write the choice, in the place of its earlier self, to the run folder and its storage."""
    kept = read_choices(driver.folder.path)
    at = next((i for i, c in enumerate(kept) if replace(made, sets=c.sets) == c), len(kept))
    driver.folder.write_json(CONFIRMATION_FILE, choices_text([*kept[:at], made, *kept[at + 1 :]]))
    driver.storage.push(driver.folder.path / CONFIRMATION_FILE)
