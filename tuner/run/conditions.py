"""What differs between where a run was started and where it is gone on with, as environment.json says it.

Only what both starts say is compared: folders of older versions say less, and what a trial is given, and the classes,
are known once Ray runs. The host's name, the command and the time of a start decide about no number; a commit and an
operating system are told of, but not refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tuner.run.environment import CONFIRM_DATA

_OF_A_CARD = ("power_limit_w", "driver", "source", "power_reading", "cannot_measure")


def changed_conditions(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Cards, processor, cores, threads, versions, input files and classes that are not those of an earlier start, in
    words."""
    found = [*_changed_devices(before, now), *_changed_cores(before, now), *_changed_versions(before, now)]
    old, new = before.get("digests") or {}, now.get("digests") or {}
    found += [f"the file {name} changed" for name in new if name in old and old[name] != new[name]]
    found += [f"the file {name} is gone" for name in old if name not in new]
    found += [f"the file {name} is new" for name in new if name not in old and name != CONFIRM_DATA]
    return [*found, *_changed_examples(before, now)]


def remarks(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs from the latest start and refuses nothing, as sentences. `before`: environment.json as a whole."""
    latest = {**before, **((before.get("resumed") or [{}])[-1])}
    names = {"git_commit": "this code", "platform": "the operating system"}
    return [
        f"{what} was {latest[name]} and is {now.get(name)}; environment.json keeps which start had which"
        for name, what in names.items()
        if latest.get(name) is not None and latest[name] != now.get(name)
    ]


def _changed_devices(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    old = {g["uuid"]: g for g in before.get("gpus") or [] if "uuid" in g}
    new = {g["uuid"]: g for g in now.get("gpus") or [] if "uuid" in g}
    known = ", ".join(f"{g.get('name', 'a card')} {uuid}" for uuid, g in old.items()) or "none"
    for uuid, card in new.items():
        if uuid not in old:
            yield f"the card {card.get('name', '')} {uuid} is another (there: {known})"
            continue
        for fact in _OF_A_CARD:
            if fact in old[uuid] and old[uuid][fact] != card.get(fact):
                yield f"{fact} of {uuid} was {old[uuid][fact]} and is {card.get(fact)}"
    if old and not new:
        yield f"there is no card (there: {known})"
    if not old and not new and before.get("cpu") != now.get("cpu"):
        yield f"the processor was {before.get('cpu')} and is {now.get('cpu')}"


def _changed_cores(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Cores of the machines that measure, where one has a number that none had; threads of a trial."""
    old, new = before.get("cores"), now.get("cores") or []
    if old and not {*new} <= {*old}:
        yield f"the cores that may be used were {_listed(old)} and are {_listed(new)}"
    if "threads" in before and "threads" in now and before["threads"] != now["threads"]:
        yield f"the threads of a trial were {before['threads']} and are {now['threads']}"


def _changed_versions(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if before.get("python") is not None and before["python"] != now.get("python"):
        yield f"Python was {before['python']} and is {now.get('python')}"
    new = now.get("packages") or {}
    for name, was in (before.get("packages") or {}).items():
        if was != new.get(name):
            yield f"{name} was {was or 'not there'} and is {new.get(name) or 'not there'}"


def _changed_examples(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Classes, and what training leaves out: what is known of data that has no file here, the hub's."""
    if "classes" in before and "classes" in now and before["classes"] != now["classes"]:
        yield f"the classes were {_listed(before['classes'])} and are {_listed(now['classes'])}"
    if "training_data" in before and "training_data" in now and before["training_data"] != now["training_data"]:
        yield f"training data: {_counted(before['training_data'])} before, {_counted(now['training_data'])} now"


def _listed(values: Any) -> str:
    return " ".join(map(str, values)) or "none"


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} examples {rule}" for rule, count in found.items()) or "all used"
