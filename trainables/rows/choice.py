"""What a run chose, written before the first fresh trial that confirms it: confirmation.json in the run folder.

So that a kill amid the fresh trials changes nothing of the choice, and a report knows what they confirm.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from trainables.rows.check import shortened

CONFIRMATION_FILE = "confirmation.json"
TRIALS_EACH = 3  # fresh trials of a configuration in one set


@dataclass(frozen=True)
class Choice:
    """One choice and its fresh sets. Configurations are those of a `TrialConfig`: task, model, seed and axes."""

    chosen_at: str  # ISO time
    baseline: Mapping[str, Any]
    choice: Mapping[str, Any]
    runners_up: tuple[Mapping[str, Any], ...]  # that could turn out cheaper
    sweep_trials: int  # that the choice rests on
    sweep_digest: str  # of their names and energies
    sweep_devices: tuple[str, ...]  # UUIDs of their cards, or names
    tolerance: float  # loss of accuracy, a fraction
    measuring: Mapping[str, Any]  # how long a trial measures
    sets: tuple[int, ...] = ()  # of each fresh set the replicate that it begins with
    replaces: Mapping[str, Any] | None = None  # the sweep's own choice, where this one was its runner-up
    fresh_data: Mapping[str, Any] | None = None  # of --confirm-data: file, digest, examples, left_out by rule

    @property
    def configurations(self) -> tuple[Mapping[str, Any], ...]:
        """What a fresh set measures."""
        return (self.baseline, self.choice, *self.runners_up)

    @property
    def of_the_sweep(self) -> Mapping[str, Any]:
        """The configuration that the sweep's own trials chose."""
        return self.choice if self.replaces is None else self.replaces

    def with_set(self, first: int) -> "Choice":
        """The same with one more fresh set."""
        return replace(self, sets=(*self.sets, first))


def choices_text(choices: list[Choice]) -> dict[str, Any]:
    """What the file holds, oldest choice first."""
    return {"choices": [asdict(choice) for choice in choices]}


def read_choices(run: Path) -> list[Choice]:
    """The choices of a run folder, the oldest first; may be empty. UsageError where the file is damaged."""
    file = run / CONFIRMATION_FILE
    if not file.is_file():
        return []
    try:
        return [_choice(found) for found in json.loads(file.read_text(encoding="utf-8"))["choices"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{file} must say what was chosen before the fresh trials, but is damaged ({shortened(str(error))}); "
            "restore it, or delete it: then the choice is made and confirmed anew"
        ) from error


def _choice(found: dict[str, Any]) -> Choice:
    known = {"fresh_data": None} | found  # which older runs have not
    known = {field.name: known[field.name] for field in fields(Choice)}
    sets = tuple(known["sets"])
    if not all(isinstance(first, int) and first >= 0 for first in sets):
        raise ValueError(f"sets must begin with whole numbers, but are {sets}")
    perhaps = [name for name in ("replaces", "fresh_data") if known[name] is not None]
    for name in ("baseline", "choice", "measuring", *perhaps):
        if not isinstance(known[name], dict):
            raise ValueError(f"{name} must be an object, but is {known[name]!r}")
    data = known["fresh_data"]
    if data is not None and not (isinstance(data.get("digest"), str) and isinstance(data.get("left_out"), dict)):
        raise ValueError(f"fresh_data must say digest and left_out, but is {data!r}")
    runners_up = tuple(known["runners_up"])
    if not all(isinstance(runner_up, dict) for runner_up in runners_up):
        raise ValueError(f"runners_up must be objects, but are {runners_up}")
    return Choice(**known | {"sets": sets, "runners_up": runners_up, "sweep_devices": tuple(known["sweep_devices"])})
