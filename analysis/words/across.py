"""What a comparison of tasks comes to, in sentences: what generalises, and what is each task's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.findings.comparison import Comparison
from analysis.findings.per_token import PerToken
from analysis.findings.regime import RegimeEnd
from analysis.findings.verdict import AGREE, CANNOT_TELL, DISAGREE, NOT_WORSE, WORSE
from analysis.words import agreement
from analysis.words.confirmation import trials_words
from analysis.words.rounding import count_of, format_percent, points_word, times
from search_spaces.axes import AXES, other_axes

CHEAPER_BY = 1.02  # a saving below that is not called one


def sentences(c: Comparison) -> list[str]:
    """The verdict: precision, length, depth, energy per token, and where less is not cheaper."""
    found = [*precision_sentences(c), *axis_sentences(c, "max_seq_len"), *axis_sentences(c, "depth")]
    for part in c.per_token:
        whole, marginal = agreement.whole(part), agreement.marginal(part)
        found.append(f"{setting_words(part, c)}: {whole[0].lower()}{whole[1:]} {marginal}")
    return [*found, *rising_sentences(c)]


def notes(c: Comparison) -> list[str]:
    """What could not be read or compared, a sentence each."""
    found = list(c.reading)
    if c.other_sweeps is not None:
        left = c.other_sweeps.configurations
        found.append(f"The sweep {c.other_sweeps.compared} is compared; {left} configurations of others are left out.")
    found += [f"{name} has no trial with a valid energy, so it is not compared." for name in c.without_energy]
    found += [f"The score of {t.name} is not known, so only its energy is compared." for t in c.tasks if not t.scored]
    found += [f"{t.name}: {t.assessment.lost}" for t in c.tasks if t.assessment.lost]
    return [
        *found,
        *(f"Energy per token is not compared at {m.setting['precision']}: {m.reason}" for m in c.not_per_token),
    ]


def headline(c: Comparison) -> str:
    """The first thing a reader should know: what holds everywhere, and what each task has of its own."""
    everywhere = [
        precision
        for precision, verdicts in c.precision_verdicts().items()
        if len(verdicts) == len(c.tasks) and set(verdicts.values()) == {NOT_WORSE}
    ]
    ends = c.ends("max_seq_len")
    parts = []
    if everywhere:
        parts.append(f"{listed(everywhere)} {'keeps' if len(everywhere) == 1 else 'keep'} the score on every task")
    if len(ends) == len(c.tasks):
        by = _by_value(ends)
        if len(by) == 1:
            parts.append(f"{next(iter(by))} tokens keep {'it' if parts else 'the score'} on all of them")
        else:
            own = listed([f"{value} ({listed(tasks)})" for value, tasks in by.items()])
            parts.append(f"the tokens that keep {'it' if parts else 'the score'} are each task's own: {own}")
    if c.per_token and all(p.whole.verdict == AGREE for p in c.per_token):
        parts.append("an input of one length costs the same on all of them")
    elif any(p.whole.verdict == DISAGREE for p in c.per_token):
        at = listed([setting_words(p, c) for p in c.per_token if p.whole.verdict == DISAGREE])
        parts.append(f"an input of one length does not cost the same on all of them ({at})")
    text = "; ".join(parts) or "what holds on one task was not shown to hold on the others"
    return text if everywhere else f"{text[0].upper()}{text[1:]}"  # fp16 keeps its small letter


def precision_sentences(c: Comparison) -> list[str]:
    out = []
    for precision, verdicts in c.precision_verdicts().items():
        by = {v: [t for t, found in verdicts.items() if found == v] for v in (NOT_WORSE, WORSE, CANNOT_TELL)}
        words = []
        if by[NOT_WORSE]:
            words.append(f"keeps the score within {points_word(c.tolerance)} on {_tasks(c, by[NOT_WORSE])}")
        if by[WORSE]:
            words.append(f"loses more than that on {_tasks(c, by[WORSE])}" if words else _loses(c, by[WORSE]))
        if by[CANNOT_TELL]:
            words.append(f"is undecided on {_tasks(c, by[CANNOT_TELL])}")
        rows = [
            row for task in c.tasks for _, row in task.along("precision").iterrows() if row["precision"] == precision
        ]
        savings, least = [float(row["energy_ratio"]) for row in rows], min((row["n_trials"] for row in rows), default=1)
        if words:
            known = f"{trials_words(least)} of each{' or more' if least > 1 else ''}, not confirmed"
            out.append(f"{precision} {', '.join(words)}; it uses {_span(savings)} less energy there ({known}).")
    return out


def axis_sentences(c: Comparison, axis: str) -> list[str]:
    """Where the stable regime ends, at the baseline's precision."""
    ends, unit = c.ends(axis), AXES[axis].unit
    if not ends:
        return []
    full = {task.name: int(task.baseline[axis]) for task in c.tasks if task.baseline is not None}
    shrinks = {task: end for task, end in ends.items() if end.value != full[task]}
    words = []
    if shrinks:
        down = [f"{count_of(value, unit)} on {_tasks(c, tasks)}" for value, tasks in _by_value(shrinks).items()]
        words.append(f"the score is kept down to {listed(down)}")
    fixed = [task for task in ends if task not in shrinks]
    if fixed:
        word = f"{AXES[axis].less} than the baseline"
        words.append(f"nothing {word} is known to keep {'it' if words else 'the score'} on {_tasks(c, fixed)}")
    text = f"{AXES[axis].title}: {'; '.join(words)}."
    still_open = [task for task, end in shrinks.items() if end.open]
    if still_open:
        text += f" Nothing {AXES[axis].less} was measured on {listed(still_open)}."
    cut = {task: end.tokens_kept for task, end in shrinks.items() if end.tokens_kept and end.tokens_kept <= 1}
    if axis == "max_seq_len" and cut:
        shares = listed([f"{_share(share)} of its tokens on {task}" for task, share in cut.items()])
        text += f" There an example still has {shares}."
    return [text]


def rising_sentences(c: Comparison) -> list[str]:
    """Where the shortest limit is not the cheapest."""
    out = []
    for task in c.tasks:
        found = task.cheapest("max_seq_len")
        if found is None or found.ratio < CHEAPER_BY:
            continue
        many, few = found.inputs
        why = f", with {many:.3g} model inputs per example against {few:.3g}" if many > few * CHEAPER_BY else ""
        out.append(
            f"On {task.name} a shorter limit does not always cost less ({found.cheapest['precision']}): "
            f"{found.cheapest['max_seq_len']:.0f} tokens are cheapest, {found.smallest['max_seq_len']:.0f} cost "
            f"{format_percent(100 * (found.ratio - 1))} more{why}."
        )
    return out


def setting_words(part: PerToken, c: Comparison) -> str:
    """ "fp16", with batch size, padding and backend where they differ between the comparisons."""
    differ = [k for k in other_axes() if len({p.setting[k] for p in c.per_token}) > 1]
    words = [AXES[k].spell(part.setting[k], "name_words") for k in differ]
    return ", ".join([str(part.setting["precision"]), *words])


def listed(names: Sequence[Any]) -> str:
    """ "sst2", "sst2 and qqp", "sst2, qqp and squad"."""
    texts = [str(name) for name in names]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _by_value(ends: dict[str, RegimeEnd]) -> dict[int, list[str]]:
    """Where the regime ends -> the tasks of which it does, in their order."""
    found: dict[int, list[str]] = {}
    for task, end in ends.items():
        found.setdefault(end.value or 0, []).append(task)
    return found


def _share(value: float) -> str:
    """Digits that tell 99.8 % from all."""
    return "all" if value > 0.9995 else f"{100 * value:.1f} %"


def _tasks(c: Comparison, names: list[str]) -> str:
    return "every task" if len(names) == len(c.tasks) else listed(names)


def _loses(c: Comparison, names: list[str]) -> str:
    return f"loses more than {points_word(c.tolerance)} on {_tasks(c, names)}"


def _span(values: list[float]) -> str:
    low, high = np.nanmin(values), np.nanmax(values)
    return times(low) if times(low) == times(high) else f"{times(low)} to {times(high)}"
