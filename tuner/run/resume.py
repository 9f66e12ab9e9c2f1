"""May an earlier run be gone on with, as it is asked for and here? What differs from its first start, and what follows.

environment.json holds the first start; under "resumed" every later one, with what differed then.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.sweep_config import LEFT_OPEN, MeasuringOptions, SweepConfig
from trainables.energy.sources import SOURCES
from trainables.rows.finished import finished_rows, finished_trials
from trainables.rows.flags import RESUMED_ANYWAY
from tuner.run.conditions import changed_conditions, remarks
from tuner.run.folder import ENVIRONMENT_FILE, SWEEP_FILE, RunFolder
from tuner.run.record import kept_tables

# Settings that decide about the weights or what they are asked: rows of others belong to another run.
IDENTITY = ("task", "model", "checkpoint", "random_weights", "finetuning", "eval_examples")


def done_trials(run: Path, retry_failed: bool = False) -> set[str]:
    """The trials that a resumed run does not start: those with a row, or with a measurement."""
    found = finished_trials(run)
    return {name for name, status in found.items() if status in ("ok", "pruned") or not retry_failed}


def changed_settings(before: SweepConfig, now: SweepConfig, sensed: Collection[bool] = (False, True)) -> dict[str, str]:
    """Name of each setting that changed -> "was ... and is ...".

    How long is measured is compared by what it settles to in the rows that are there: `sensed` holds whether a sensor
    measured them. An open value and its default are the same, so a preset may leave open today what it gave before.
    """
    changed: dict[str, str] = {}
    states: list[bool | None] = [*sorted(sensed)] or [None]
    for measured in states:
        old, new = dict(_settings(_settled(before, measured))), dict(_settings(_settled(now, measured)))
        changed |= {
            name: f"{name.rpartition('.')[2]} was {_shown(old.get(name))} and is {_shown(new.get(name))}"
            for name in {**old, **new}
            if old.get(name) != new.get(name)
        }
    if now.confirm_data is not None:  # no number of before depends on it; another file is told by what it holds
        changed.pop("confirm_data", None)
    return changed


def sensed_rows(run: Path) -> set[bool]:
    """Whether a sensor measured the rows of a run: {True}, {False}, both, or none where there is no such row."""
    sources = {str(row.get("energy_source")) for row in finished_rows(run)}
    return {SOURCES[name].measured for name in sources if name in SOURCES}


def _settled(config: SweepConfig, measured: bool | None) -> SweepConfig:
    """The sweep with its measuring times as they become, or all open where nothing was measured with them."""
    if measured is None:
        measuring = MeasuringOptions(**asdict(config.measuring) | dict.fromkeys(LEFT_OPEN))
    else:
        measuring = config.measuring.settled(measured)
    return replace(config, measuring=replace(measuring, short_estimates=False))


def _settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in fields(config):
        value = getattr(config, field.name)
        name = f"{prefix}{field.name}"
        if is_dataclass(value):
            yield from _settings(value, f"{name}.")
        else:
            yield name, value


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def check_settings(
    before: SweepConfig, now: SweepConfig, anyway: bool, sensed: Collection[bool] = (False, True)
) -> list[str]:
    """What changed, in words (`sensed`: as `changed_settings`). UsageError where that is another run, or not wanted."""
    changed = changed_settings(before, now, sensed)
    if before.data_dir and now.data_dir:
        changed.pop("data_dir", None)  # a folder that moved: the digests of its files are compared later
    if not changed:
        return []
    if "baseline_model" in changed:
        raise UsageError(
            f"a run keeps the model of its baseline, which its choice and its anchors are of, but "
            f"{changed['baseline_model']}; leave --baseline-model out, and give it to analysis.report instead"
        )
    other = [text for name, text in changed.items() if not {*name.split(".")}.isdisjoint(IDENTITY)]
    if other:
        raise UsageError(
            f"a run goes on with the task, weights and examples it was started with, but {'; '.join(other)}; "
            "rows of others are another run: start it with another --output-dir"
        )
    if not anyway:
        raise UsageError(
            f"a run goes on as it was started, but {'; '.join(changed.values())}; leave these options out, start "
            f"another run, or give --resume-anyway: rows measured from then on carry the flag {RESUMED_ANYWAY}"
        )
    return list(changed.values())


_OF_EACH_START = ("started", "hosts", "command", "git_commit", "platform", "packages")
_WHERE_IT_DIFFERS = ("gpus", "cpu", "cores", "threads", "python")


def check_conditions(before: Mapping[str, Any], now: Mapping[str, Any], anyway: bool | None) -> list[str]:
    """What differs from an earlier start, in words. UsageError where no later start went on with that, and this one is
    not to go on `anyway` (None where that is not offered)."""
    accepted = {text for start in before.get("resumed") or [] for text in start.get("differs") or []}
    conditions = changed_conditions(before, now)
    if not anyway and not set(conditions) <= accepted:
        or_flag = "" if anyway is None else f", or mark the rows ({RESUMED_ANYWAY}) with --resume-anyway"
        raise UsageError(
            f"a run goes on with the devices and files it was started with, but {'; '.join(conditions)}; "
            f"start another run{or_flag}"
        )
    return conditions


def record_start(folder: RunFolder, now: dict[str, Any], settings: list[str], anyway: bool | None) -> frozenset[str]:
    """Write to environment.json where this start is made; the flags of the rows it will measure.

    `settings`: what of them changed. `anyway`: go on although something differs; None where that is not offered.
    UsageError where something differs that no earlier start of the run went on with.
    """
    before = read_environment(folder.path)
    if before is None:
        folder.write_json(ENVIRONMENT_FILE, now)
        return frozenset()
    starts = before.get("resumed") or []
    conditions = check_conditions(before, now, anyway)
    for remark in remarks(before, now):
        print(f"warning: {remark}", flush=True)
    start = {name: now.get(name) for name in _OF_EACH_START} | {"settings": settings, "differs": conditions}
    if conditions:
        start |= {name: now.get(name) for name in _WHERE_IT_DIFFERS}
    folder.write_json(ENVIRONMENT_FILE, before | {"resumed": [*starts, start]})
    # Settings that an earlier start changed are those of sweep.json since: their rows keep the flag.
    other_settings = settings or any(earlier.get("settings") for earlier in starts)
    return frozenset({RESUMED_ANYWAY}) if conditions or other_settings else frozenset()


def read_environment(run: Path) -> dict[str, Any] | None:
    """environment.json of a run, None where nothing was started in it yet.

    It is written before the first trial, by every version that wrote sweep.json (85798a7 on): where there are trials
    and it is missing, it was lost. UsageError for that, and where it is damaged.
    """
    file = run / ENVIRONMENT_FILE
    remedy = "it says where rows were measured: restore it, or start another run (--output-dir)"
    if not file.is_file():
        if any((run / "ray").glob("*-*/*/")) or kept_tables(run):
            raise UsageError(f"a run that was started must hold {ENVIRONMENT_FILE}, but {file} is missing; {remedy}")
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} must hold JSON, but {error}; {remedy}") from error
    if not isinstance(found, dict) or not isinstance(found.get("started"), str):
        raise UsageError(f"{file} must hold a JSON object that says when the run was started; {remedy}")
    return found


def keep_settings(folder: RunFolder, now: SweepConfig) -> None:
    """The changed settings are those of the run from now on; the older ones stay beside them."""
    number = 0
    while (old := folder.path / f"sweep.before-{number}.json").exists():
        number += 1
    folder.write_json(old.name, json.loads((folder.path / SWEEP_FILE).read_text()))
    folder.write_json(SWEEP_FILE, now.to_dict())
