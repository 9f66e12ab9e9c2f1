"""May an earlier run be gone on with, as it is asked for and here? What differs from its first start, and what follows.

environment.json holds the first start; under "resumed" every later one, with what differed then.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from trainables.rows.finished import finished_trials
from trainables.rows.flags import RESUMED_ANYWAY
from tuner.run.folder import ENVIRONMENT_FILE, SWEEP_FILE, RunFolder

# Settings that decide about the weights or what they are asked: rows of others belong to another run.
IDENTITY = ("task", "model", "checkpoint", "random_weights", "finetuning", "eval_examples")


def done_trials(run: Path, retry_failed: bool = False) -> set[str]:
    """The trials that a resumed run does not start: those with a row, or with a measurement."""
    found = finished_trials(run)
    return {name for name, status in found.items() if status in ("ok", "pruned") or not retry_failed}


def changed_settings(before: SweepConfig, now: SweepConfig) -> dict[str, str]:
    """Name of each setting that changed -> "was ... and is ..."."""
    old, new = dict(_settings(before)), dict(_settings(now))
    return {
        name: f"{name.rpartition('.')[2]} was {_shown(old.get(name))} and is {_shown(new.get(name))}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    }


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


def check_settings(before: SweepConfig, now: SweepConfig, anyway: bool) -> list[str]:
    """What changed, in words. UsageError where that is another run, or not wanted."""
    changed = changed_settings(before, now)
    if before.data_dir and now.data_dir:
        changed.pop("data_dir", None)  # a folder that moved: the digests of its files are compared later
    if not changed:
        return []
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


def changed_conditions(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Cards, processor and input files that are not those of an earlier start, in words."""
    found = list(_changed_devices(before, now))
    old, new = before.get("digests") or {}, now.get("digests") or {}
    found += [f"the file {name} changed" for name in new if name in old and old[name] != new[name]]
    found += [f"the file {name} is gone" for name in old if name not in new]
    found += [f"the file {name} is new" for name in new if name not in old]
    return found


def _changed_devices(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    old = {g["uuid"]: g for g in before.get("gpus") or [] if "uuid" in g}
    new = {g["uuid"]: g for g in now.get("gpus") or [] if "uuid" in g}
    known = ", ".join(f"{g.get('name', 'a card')} {uuid}" for uuid, g in old.items()) or "none"
    for uuid, card in new.items():
        if uuid not in old:
            yield f"the card {card.get('name', '')} {uuid} is another (there: {known})"
            continue
        for fact in ("power_limit_w", "driver"):
            was, now_is = old[uuid].get(fact), card.get(fact)
            if was != now_is:
                yield f"{fact} of {uuid} was {was} and is {now_is}"
    if old and not new:
        yield f"there is no card (there: {known})"
    if not old and not new and before.get("cpu") != now.get("cpu"):
        yield f"the processor was {before.get('cpu')} and is {now.get('cpu')}"


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
    kept = ("started", "hosts", "command", "git_commit", "packages")
    start = {name: now.get(name) for name in kept} | {"settings": settings, "differs": conditions}
    if conditions:
        start |= {"gpus": now.get("gpus"), "cpu": now.get("cpu")}
    folder.write_json(ENVIRONMENT_FILE, before | {"resumed": [*starts, start]})
    # Settings that an earlier start changed are those of sweep.json since: their rows keep the flag.
    other_settings = settings or any(earlier.get("settings") for earlier in starts)
    return frozenset({RESUMED_ANYWAY}) if conditions or other_settings else frozenset()


def read_environment(run: Path) -> dict[str, Any] | None:
    """environment.json of a run, None where there is none yet."""
    file = run / ENVIRONMENT_FILE
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"{file} must hold JSON, but {error}; it says where rows were measured: restore it, or start another run"
        ) from error
    if not isinstance(found, dict):
        raise UsageError(f"{file} must hold a JSON object; restore it, or start another run")
    return found


def keep_settings(folder: RunFolder, now: SweepConfig) -> None:
    """The changed settings are those of the run from now on; the older ones stay beside them."""
    number = 0
    while (old := folder.path / f"sweep.before-{number}.json").exists():
        number += 1
    folder.write_json(old.name, json.loads((folder.path / SWEEP_FILE).read_text()))
    folder.write_json(SWEEP_FILE, now.to_dict())
