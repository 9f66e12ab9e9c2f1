"""How the numbers of a report were measured, and what its intervals are, in sentences."""

from __future__ import annotations

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.configurations import wholes_known
from analysis.findings.slices import several_models
from analysis.findings.verdict import CANNOT_TELL
from analysis.report.seed_table import several_seeds
from analysis.statistics.intervals import NONE, OF_OTHERS, REPLICATES, WITHIN
from analysis.words.rounding import count_of, format_percent, points_word
from trainables.energy.sources import words_of

INTERVALS = {
    WITHIN: "over the windows of the only trial; how separate trials differ is not known, since none was repeated",
    OF_OTHERS: "measured once; as separate trials of other configurations at its power differed",
    NONE: "no interval",
}
SHORT_INTERVALS = {
    REPLICATES: "between trials",
    OF_OTHERS: "as other configurations' trials differed",
    WITHIN: "within one trial",
}


def source_words(energy_source: object, unknown: str = "not recorded") -> str:
    """Where joules of this source come from."""
    return words_of(energy_source, unknown)


def method(assessment: Assessment) -> list[str]:
    rows, table = assessment.clean, assessment.table
    source = source_words(assessment.common.get("energy_source"))
    lines = [f"Energy: {source}; gross, idle power not subtracted."]
    if rows["windows"].notna().any():
        warmup = f", after {rows['warmup_s'].median():.2g} s of warm-up" if rows["warmup_s"].notna().any() else ""
        lines.append(
            f"Each trial: {rows['windows'].median():.0f} windows of whole passes (median), the shortest "
            f"{rows['window_s'].min():.2g} s, {rows['total_s'].median():.3g} s in all{warmup}."
        )
    lines.append("Latency is the wall time of the same windows over their examples.")
    if rows["accuracy"].notna().any() and rows["examples"].notna().any():
        lines.append(
            f"Accuracy: one complete pass of exactly the configuration measured, {rows['examples'].max():.0f} examples."
        )
    kinds = table["interval_kind"].value_counts()
    for kind, count in kinds.items():
        which = "" if len(kinds) == 1 else f" of {count_of(int(count), 'configurations')}"
        words = _replicates_words(table) if kind == REPLICATES else INTERVALS[str(kind)]
        lines.append(f"95 % intervals{which}: {words}.")
    if several_models(table) and not wholes_known(table):
        lines.append(
            "Depths of different models are alike where each has as much of the deepest that was measured of its "
            "model: the rows do not say how many layers the models have."
        )
    lines.append("×/÷ 1.2: the interval reaches from a value divided by 1.2 to it multiplied by 1.2.")
    lines += filter(None, [repeats_note(table)])
    if assessment.confirmation.value is not None:
        lines.append(
            f"Saving and break-even: from {assessment.confirmation.value.trials} fresh trials of each alone, measured "
            "after the choice; the ratio of means with Welch's 95 % interval of its log."
        )
    lines.append(
        "Accuracy verdicts: paired non-inferiority against the baseline on the same examples, tolerance "
        f"{points_word(assessment.tolerance)}, score interval (Tango 1998), one-sided 5 %, of each configuration "
        f"alone; “{CANNOT_TELL}” where this many examples do not decide. What is recommended passes corrected for all "
        "that is cheaper than the baseline (step-down max-T; equal predictions count once)."
    )
    lines.append(
        "Frontier: exact non-dominated set; a percentage is the share of resamples in which a configuration stays on "
        "it, with examples drawn again (the same ones for all) and energy with its spread. It is no probability."
    )
    return lines


def how_to_read(assessment: Assessment) -> str:
    """What the trade-off figures show."""
    kinds = [k for k in assessment.table["interval_kind"].unique() if k != NONE]
    bars = " or ".join(SHORT_INTERVALS[str(k)] for k in kinds)
    bars = f"Energy and latency bars: 95 %, {bars}. " if bars else "Energy and latency have no interval. "
    faint = "Faint: the single seeds, behind their mean. " if several_seeds(assessment) else ""
    return (
        "The black step is the frontier: the best accuracy that can be had for at most that cost. Circled: "
        "the baseline, and the cheapest configuration whose accuracy is not worse by more than "
        f"{points_word(assessment.tolerance)} (dashed line). {faint}{bars}Accuracy bars: 95 % (Wilson); the verdict "
        "compares the same examples one by one, and is sharper than these bars suggest."
    )


def repeats_note(table: pd.DataFrame) -> str:
    """A warning where one pair of trials is all that is known of the spread between trials."""
    if (table["n_trials"] - 1).sum() != 1:
        return ""
    return (
        "One configuration was measured twice and no other was repeated: energy intervals rest on a single "
        "difference and on how trials differed in recorded runs on other hosts. Repeat more configurations."
    )


def _replicates_words(table: pd.DataFrame) -> str:
    """What the headline interval is made from (see `analysis.statistics.between_trials`)."""
    repeated = int((table["n_trials"] > 1).sum())
    of = "the only configuration that was repeated" if repeated == 1 else f"the {repeated} repeated configurations"
    freedom = count_of(int((table["n_trials"] - 1).sum()), "degrees")
    percent = 100 * table["energy_trial_relative_sd"]
    quietest, noisiest = format_percent(percent.min()), format_percent(percent.max())
    return (
        f"Student-t, from how separate trials of {of} differ ({freedom} of freedom), each drawn towards what is usual "
        "at its mean power, in these trials and in recorded runs (one trial's energy has a standard deviation of "
        f"{quietest} of the quietest and {noisiest} of the noisiest configuration)"
    )
