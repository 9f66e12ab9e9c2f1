"""A recommendation in sentences: what is cheapest, what it may cost, and how far that is known."""

from __future__ import annotations

import pandas as pd

from analysis.findings.confirmation import Confirmation
from analysis.findings.part import Part
from analysis.findings.recommend import Recommendation
from analysis.statistics.intervals import Ratio
from analysis.words import confirmation, scope, short_windows
from analysis.words.rounding import count_of, points_change, points_word
from trainables.rows.flags import BELOW_MAJORITY, SHORT_WINDOW_KEPT, split_flags

NOT_TRIED: Part[Confirmation] = Part(None)


def sentences(recommendation: Recommendation, confirmed: Part[Confirmation] = NOT_TRIED) -> list[str]:
    """The answer, and then what is to be known about it, a sentence each."""
    r = recommendation
    short = short_windows.sentences(kept_short_trials(r))
    if not r.scored:
        told = [*confirmation.sentences(confirmed), *scope.recipes(r)]
        return [_unscored(r, confirmed.value), scope.sentence(r), *short, *told]
    if r.choice is None or r.saving is None:
        lines = [_stay(r), scope.sentence(r), *short]
    else:
        lines = [_saving(r, r.choice, r.saving, confirmed.value), scope.sentence(r), *short]
        lines += confirmation.sentences(confirmed)
    if r.better is not None:
        lines.append(_poor_baseline(r, r.better))
    if BELOW_MAJORITY in split_flags(r.baseline["flags"]):
        lines.append(
            f"The baseline ({r.baseline['configuration']}) answers worse than always naming the commonest class would: "
            "is it trained, and do its classes stand in the data's order?"
        )
    if r.choice is not None:
        lines += [_flips(r, r.choice), _among_many(r)]
    if r.candidate is not None:
        lines.append(_candidate(r, r.candidate))
    lines += _none_could(r)
    lines += _resolution(r)
    if not r.paired:
        lines.append(
            "The rows do not say which examples were right, so accuracies were compared unpaired, as if each "
            "configuration had been given examples of its own: that is cautious, and takes several times as many."
        )
    return [*lines, *scope.recipes(r), *scope.beside(r)]


def kept_short_trials(r: Recommendation) -> int:
    """Trials of configurations with a window that was too short, and was kept on request."""
    kept = r.table["flags"].map(lambda flags: SHORT_WINDOW_KEPT in split_flags(flags))
    return int(r.table.loc[kept, "n_trials"].sum())


def answer(recommendation: Recommendation) -> str:
    """The recommendation in one sentence."""
    return sentences(recommendation)[0]


def _kind(r: Recommendation) -> str:
    return "estimated energy" if r.estimated else "energy"


def _unscored(r: Recommendation, confirmed: Confirmation | None) -> str:
    unknown = "No accuracy is known (the weights are random, perhaps), so nothing is recommended"
    if r.cheapest["is_baseline"]:
        return f"{unknown}; nothing needs less {_kind(r)} than the baseline ({r.baseline['configuration']})."
    ratio = r.cheapest["energy_ratio"] if confirmed is None else confirmed.saving.value
    return (
        f"{unknown}. The cheapest, {r.cheapest['configuration']}, needs {ratio:.3g}x less {_kind(r)} than "
        f"{r.baseline['configuration']} ({confirmation.ratio_words(r.cheapest['n_trials'], confirmed)}); what it loses "
        "by that is not known."
    )


def _stay(r: Recommendation) -> str:
    among = "" if r.hypotheses < 2 else f", corrected for the {r.hypotheses} that were compared"
    return (
        f"Nothing cheaper than the baseline ({r.baseline['configuration']}) is known to be not worse by more than "
        f"{points_word(r.tolerance)}{among}: stay with it."
    )


def _saving(r: Recommendation, choice: pd.Series, saving: Ratio, confirmed: Confirmation | None) -> str:
    ratio = saving.value if confirmed is None else confirmed.saving.value
    return (
        f"{choice['configuration']} uses {ratio:.3g}x less {_kind(r)} than {r.baseline['configuration']} "
        f"({confirmation.saving_words(saving, choice['n_trials'], confirmed)}) and its accuracy is not worse by more "
        f"than {points_word(r.tolerance)}{_doubt(confirmed)}."
    )


def _doubt(confirmed: Confirmation | None) -> str:
    holds = confirmed is None or confirmed.accuracy_holds
    return "" if holds else " on the sweep's examples, which fresh ones do not confirm"


def _poor_baseline(r: Recommendation, better: pd.Series) -> str:
    """A warning where "not worse than the baseline" says little, as in a run that has only begun."""
    points, least = 100 * better["accuracy_difference"], 100 * better["accuracy_difference_low"]
    return (
        f"The baseline ({r.baseline['configuration']}) is itself poor: {better['configuration']} is better by "
        f"{points:.1f} points (at least {least:.1f}), so to be not worse than the baseline says little. "
        "Finish the run, or choose another baseline."
    )


def _flips(r: Recommendation, choice: pd.Series) -> str:
    shift, low = (points_change(choice[f"accuracy_difference{end}"]) for end in ("", "_low"))
    change = f"Accuracy changes by {shift} points, at worst {low} (one-sided 95 %)"
    if pd.isna(choice["lost"]):
        return f"{change}."
    wrong, right = (f"{round(float(choice[name]), 1):g}" for name in ("lost", "gained"))
    return f"{change}: of {r.examples} examples {wrong} became wrong and {right} right{_seeds(choice)}."


def _seeds(row: pd.Series) -> str:
    """What a mean over seeds is about: these fine-tunings, since examples alone were the sample."""
    if pd.isna(row["difference_seed_sd"]):
        return ""
    apart = f"{100 * row['difference_seed_sd']:.1f}"
    return (
        f" (means over {row['n_seeds']:.0f} fine-tunings, whose changes differ by {apart} points, standard deviation: "
        "this is about them, and not about another seed)"
    )


def _different(r: Recommendation) -> str:
    """ "12 different predictions among 95 configurations", or how many were compared where all differ."""
    if r.paired and r.hypotheses < r.tested:
        return f"{count_of(r.hypotheses, 'different predictions')} among {count_of(r.tested, 'configurations')}"
    return count_of(r.hypotheses, "configurations")


def _among_many(r: Recommendation) -> str:
    """On having chosen the cheapest of many."""
    if r.hypotheses < 2:
        alone = "Nothing else was compared" if r.tested < 2 else "What is cheaper answers every example alike"
        return f"{alone}, so nothing had to be corrected for."
    return f"That is corrected for having compared {_different(r)} (max-T)."


def _candidate(r: Recommendation, candidate: pd.Series) -> str:
    """What would be recommended, had nothing else been compared."""
    than = "the baseline" if r.choice is None else r.choice["configuration"]
    return (
        f"{candidate['configuration']} is cheaper than {than} (the baseline over it: {candidate['energy_ratio']:.3g}x, "
        f"{confirmation.trials_words(candidate['n_trials'])}) and would pass alone, but not corrected for "
        f"having compared {_different(r)}: confirm its accuracy on fresh examples before relying on it."
    )


def _none_could(r: Recommendation) -> list[str]:
    """Where the comparison was bound to find nothing."""
    if r.choice is not None or not r.examples or r.examples_needed is None or r.examples >= r.examples_needed:
        return []
    return [
        f"With {r.examples} examples and {count_of(r.hypotheses, 'different predictions')} compared, not even one that "
        f"answers all of them as the baseline does could pass: that takes {r.examples_needed} examples, or fewer "
        "configurations."
    ]


def _resolution(r: Recommendation) -> list[str]:
    """How small a loss this many examples can rule out."""
    if not r.examples or r.smallest_tolerance is None:
        return []
    lines = [
        f"With {r.examples} examples a loss below {100 * r.smallest_tolerance:.2g} points cannot be ruled out, even "
        "where no prediction changes (one-sided 95 %)."
    ]
    if r.tolerance < r.smallest_tolerance:
        lines.append(
            f"A tolerance of {points_word(r.tolerance)} is below that: only a better configuration can pass. Evaluate "
            "more examples."
        )
    return lines
