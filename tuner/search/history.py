"""How a search goes: what came back, the frontier so far, and its hypervolume after every trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import moocore
import numpy as np

from search_spaces.goal import Goal, Scores, dominates
from search_spaces.objectives import score_names
from trainables.rows.flags import invalid_among


@dataclass(frozen=True)
class Outcome:
    """One trial that came back, measured or not."""

    trial_id: str
    status: str  # ok, pruned, failed, oom
    values: dict[str, float] | None  # objectives in their own units; bounds where pruned; None where it failed
    scores: Scores | None  # the same, minimised and on the searched scales
    feasible: bool
    device_s: float  # seconds the trial held its device; 0 for an imported one
    start: bool  # one of the space's start points: they set the reference point
    imported: bool = False
    score: float | None = None  # what the task is judged by
    examples: int | None = None  # that were scored
    correct_bits: str | None = None  # which of them were right (`trainables.rows.bits`)

    @property
    def counts(self) -> bool:
        """Whether it may be on the frontier."""
        return self.status == "ok" and self.scores is not None and self.feasible


def outcome_of(goal: Goal, row: Mapping[str, Any], trial_id: str, start: bool, imported: bool = False) -> Outcome:
    """What a row says: what carries a flag that makes its energy invalid counts as failed."""
    status = str(row.get("status") or "failed")
    valid = not invalid_among(row.get("flags"))
    values = goal.values(row) if status in ("ok", "pruned") and valid else None
    return Outcome(
        trial_id=trial_id,
        status=status if values is not None or status not in ("ok", "pruned") else "failed",
        values=values,
        scores=None if values is None else goal.scores(values),
        feasible=values is not None and all(e <= 0 for e in goal.excesses(row).values()),
        device_s=0.0 if imported else float(row.get("trial_s") or 0.0),
        start=start,
        imported=imported,
        **answered(row),
    )


def answered(row: Mapping[str, Any]) -> dict[str, Any]:
    """How well a row's configuration answers: score, examples and correct_bits, None where unknown."""
    found = {name: row.get(name) for name in (*score_names(), "examples", "correct_bits")}
    known = {name: value for name, value in found.items() if value is not None and value == value}  # no NaN
    return {
        "score": next((float(known[name]) for name in score_names() if name in known), None),
        "examples": int(known["examples"]) if "examples" in known else None,
        "correct_bits": known.get("correct_bits"),
    }


@dataclass
class History:
    """Steps in the order they came back. The reference point of the hypervolume comes from the start
    points (`reference_point`), so it is fixed once those are measured; until then it moves, and `volumes` are
    computed again."""

    goal: Goal
    baseline: str = ""  # trial_id of what all others are compared with
    outcomes: list[Outcome] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)  # after each outcome
    reference: Scores | None = None

    def add(self, outcome: Outcome) -> None:
        """Append an outcome and the hypervolume after it."""
        self.outcomes.append(outcome)
        if outcome.start and outcome.status == "ok":
            reference = reference_point([s.scores for s in self.outcomes if s.start and s.status == "ok" and s.scores])
            if reference != self.reference:
                self.reference = reference
                self.volumes = [self._volume(i) for i in range(len(self.outcomes))]
                return
        same = self.volumes[-1] if self.volumes else 0.0
        self.volumes.append(self._volume(len(self.outcomes) - 1) if outcome.counts else same)

    def _volume(self, last: int) -> float:
        return 0.0 if self.reference is None else hypervolume(self._counting(last), self.reference)

    def _counting(self, last: int) -> list[Scores]:
        return [s.scores for s in self.outcomes[: last + 1] if s.counts and s.scores is not None]

    @property
    def hypervolume(self) -> float:
        return self.volumes[-1] if self.volumes else 0.0

    @property
    def frontier(self) -> list[Outcome]:
        """Steps that no other dominates, the best in the first objective first."""
        counting = [s for s in self.outcomes if s.counts]
        front = [s for s in counting if not any(dominates(o.scores or (), s.scores or ()) for o in counting)]
        return sorted(front, key=lambda s: s.scores or ())

    @property
    def measured(self) -> list[Outcome]:
        """Steps of this search, without imported ones."""
        return [s for s in self.outcomes if not s.imported]

    @property
    def device_s(self) -> float:
        return sum(s.device_s for s in self.outcomes)

    def mean_trial_s(self) -> float:
        """Seconds an unpruned trial took on the average, 0 before the first."""
        times = [s.device_s for s in self.measured if s.status == "ok" and s.device_s > 0]
        return sum(times) / len(times) if times else 0.0


def reference_point(starts: Sequence[Scores]) -> Scores | None:
    """A tenth of the start points' range beyond their worst in each objective (at least 0.01, so that an
    objective in which they are all equal does not make every volume zero); None where there are none."""
    if not starts:
        return None
    ranges = [(max(column), max(column) - min(column)) for column in zip(*starts, strict=True)]
    return tuple(worst + max(0.1 * width, 0.01) for worst, width in ranges)


def hypervolume(scores: Sequence[Scores], reference: Scores) -> float:
    """Volume that the scores (minimised) dominate up to the reference point; a length for one objective."""
    if not scores:
        return 0.0
    if len(reference) == 1:
        return max(0.0, reference[0] - min(s[0] for s in scores))
    return float(moocore.hypervolume(np.asarray(scores, dtype=float), ref=np.asarray(reference)))
