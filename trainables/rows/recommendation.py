"""What a report recommends, as a file that others read: recommendation.json (docs/recommendation.schema.json).

Written by the report, read by `serving`. Standard library alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from search_spaces.errors import UsageError
from trainables.rows.check import shortened

RECOMMENDATION_FILE = "recommendation.json"
VERSION = 1  # of the file; a reader refuses any other

# Did fresh trials, measured after the choice, save energy too? "absent": there are none that count.
Confirmed = Literal["yes", "no", "absent"]
CONFIRMED: tuple[Confirmed, ...] = ("yes", "no", "absent")


@dataclass(frozen=True)
class Measured:
    """A configuration and what is known of it. Intervals are half-widths at 95 %, null where there is none."""

    trial: str  # a trial of it, of the seed that is to be taken
    configuration: Mapping[str, Any]  # task, model, seed and axes
    energy_j_per_example: float
    energy_j_per_example_ci95: float | None
    latency_ms_per_example: float | None
    latency_ms_per_example_ci95: float | None
    score: float | None  # of `Recommended.scored_by`, a fraction


@dataclass(frozen=True)
class Saving:
    """The baseline's energy over the choice's, with its 95 % interval; limits are null where there is none."""

    value: float
    low: float | None
    high: float | None
    kind: str  # of the interval


@dataclass(frozen=True)
class Recommended:
    """The answer of one comparison: one task, model, card and sensor."""

    heading: str
    run: str  # name of the run folder that the choice's trial is in
    choice: Measured | None  # null where nothing cheaper is known to be as accurate
    baseline: Measured | None  # null where there is no answer at all
    reason: str  # why there is no choice, or no answer; "" where there is one
    saving: Saving | None
    confirmed: Confirmed
    confirmed_because: str  # what the fresh trials say, or why there are none
    scored_by: str | None  # the score's column
    tolerance: float  # loss of the score that counts as none, a fraction
    verdict: str | None  # of the choice's score against the baseline's
    verdict_among_many: str | None  # corrected for having tested many
    examples: int | None  # that the score is of
    card: str | None
    energy_source: str | None
    estimated: bool
    weights_digest: str | None  # of the choice's trial, as its row has them
    recipe_digest: str | None
    data_digest: str | None


def recommendation_text(found: Sequence[Recommended]) -> str:
    """What the file holds. ValueError for a number that is not finite."""
    content = {"version": VERSION, "recommendations": [asdict(one) for one in found]}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def read_recommendations(run: Path) -> list[Recommended]:
    """What a run folder's report recommends, the largest comparison first. UsageError where there is no such file, or
    it is damaged or of another version."""
    file = run / RECOMMENDATION_FILE
    remedy = f"write it anew: python -m analysis.report {run}"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"a run is taken away by its report's {RECOMMENDATION_FILE}, but {run} has none; {remedy} "
            "(or name a trial: --trial ID)"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} must hold JSON, but {shortened(str(error))}; {remedy}") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise UsageError(f"{file} must be of version {VERSION}, but is of {version!r}; {remedy}")
    try:
        return [_recommended(found) for found in content["recommendations"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{file} is damaged ({shortened(str(error))}); {remedy}") from error


def _recommended(found: Mapping[str, Any]) -> Recommended:
    known = {field.name: found[field.name] for field in fields(Recommended)}
    if known["confirmed"] not in CONFIRMED:
        raise ValueError(f"confirmed must be one of {', '.join(CONFIRMED)}, but is {known['confirmed']!r}")
    nested = {"choice": Measured, "baseline": Measured, "saving": Saving}
    parts = {name: kind(**known[name]) for name, kind in nested.items() if known[name] is not None}
    return Recommended(**known | parts)
