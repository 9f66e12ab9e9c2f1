"""What a search is for: the cheapest configuration that is not worse than the baseline, by what was measured so far.

The same test as the report's (`analysis.findings.noninferiority`), on the outcomes of a search. With --min-accuracy
that limit says instead which configurations are good enough.
"""

from collections.abc import Sequence

import numpy as np

from analysis.statistics.arrays import Bools, Floats
from analysis.statistics.multiplicity import corrected
from analysis.statistics.paired import ALPHA, margin_variance, paired_differences, unpaired_differences
from search_spaces.goal import Goal
from search_spaces.objectives import TOLERANCE, Objective
from trainables.rows.bits import decode_bits
from tuner.search.history import History, Outcome

PATIENCE_GAIN = 0.01  # an answer counts as cheaper from this fraction on


def answer_costs(history: History) -> Floats:
    """What each outcome costs (the goal's first objective that is no score, in its unit), infinite where it is no
    answer. Where all objectives are scores, the first one's error."""
    outcomes, goal = history.outcomes, history.goal
    costs = np.array([_cost(goal, o) if o.counts else np.inf for o in outcomes])
    if _objective(goal).score or goal.min_accuracy is not None:
        return costs
    base = next((i for i, o in enumerate(outcomes) if o.trial_id == history.baseline and o.status == "ok"), None)
    if base is None:
        return np.full(len(costs), np.inf)
    cheaper = np.flatnonzero(costs < _cost(goal, outcomes[base]))
    fine = _not_worse(outcomes[base], [outcomes[i] for i in cheaper])
    found = np.full(len(costs), np.inf)
    found[base], found[cheaper[fine]] = costs[base], costs[cheaper[fine]]
    return found


def stale(history: History, patience: int) -> bool:
    """Whether the last `patience` trials after the start points found no answer that is cheaper by PATIENCE_GAIN."""
    searched = [i for i, o in enumerate(history.outcomes) if not o.start and not o.imported]
    if len(searched) < patience:
        return False
    costs = answer_costs(history)
    before = costs[: searched[-patience]].min(initial=np.inf)
    now = costs.min()
    return bool(np.isinf(now) or now > (1 - PATIENCE_GAIN) * before)


def stale_words(goal: Goal, patience: int) -> str:
    """Why a search ends that is `stale`."""
    objective = _objective(goal)
    what = "error" if objective.score else objective.word
    which = " that is not worse than the baseline"
    if objective.score or goal.min_accuracy is not None:
        which = " that keeps the limits" if goal.limits else ""
    return (
        f"the last {patience} trials found no configuration with at least {100 * PATIENCE_GAIN:g} % less {what}{which} "
        "(--patience)"
    )


def _objective(goal: Goal) -> Objective:
    return next((o for o in goal.known if not o.score), goal.known[0])


def _cost(goal: Goal, outcome: Outcome) -> float:
    objective = _objective(goal)
    if outcome.values is None:
        return np.inf
    value = outcome.values[objective.name]
    return 1 - value if objective.score else value


def _not_worse(base: Outcome, candidates: Sequence[Outcome]) -> Bools:
    """(candidates,): known not to be worse, corrected for having compared all of them."""
    n = base.examples or 0
    same = [c for c in candidates if n and c.examples == n]
    theirs, right = _right(base), [_right(c) for c in same]
    unknown = np.full(max(n, 1), np.nan)
    differences = [unknown if r is None or theirs is None else r.astype(float) - theirs for r in right]
    gained, lost = (np.array([np.count_nonzero(d == sign) for d in differences], dtype=float) for sign in (1, -1))
    scores = np.array([_number(c.score) for c in same])
    p = np.where(
        [np.isfinite(d).all() for d in differences],
        paired_differences(gained, lost, max(n, 1), TOLERANCE).p_worse,
        unpaired_differences(scores * n, _number(base.score) * n, max(n, 1), TOLERANCE).p_worse,
    )
    fine = np.zeros(len(same), dtype=bool)
    known = np.flatnonzero(np.isfinite(p))
    if len(known):
        variance = margin_variance(np.full(len(known), -TOLERANCE), gained[known], lost[known], n)
        fine[known] = corrected(p[known], [differences[i] for i in known], variance)[0] <= ALPHA
    passed = {id(c) for c, yes in zip(same, fine, strict=True) if yes}
    return np.array([id(c) in passed for c in candidates], dtype=bool)


def _number(score: float | None) -> float:
    return np.nan if score is None else score


def _right(outcome: Outcome) -> Bools | None:
    if outcome.correct_bits is None or outcome.examples is None:
        return None
    return decode_bits(outcome.correct_bits, outcome.examples)
