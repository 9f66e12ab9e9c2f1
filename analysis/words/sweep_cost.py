"""What a sweep took, in words."""

from __future__ import annotations

from analysis.findings.assessment import Assessment
from analysis.findings.sweep_cost import SweepCost
from analysis.words import payback
from analysis.words.payback import count_words, joules_words
from analysis.words.rounding import count_of


def sentences(assessment: Assessment) -> list[str]:
    """When the fine-tuning and the whole sweep have paid for themselves."""
    told = (payback.sentence(assessment.payback), sentence(assessment.cost, assessment.saved_j_per_example))
    return [text for text in told if text]


def sentence(cost: SweepCost | None, saved_j_per_example: float | None) -> str:
    """Empty where nothing is known of it. `saved_j_per_example`: None where nothing is saved."""
    if cost is None:
        return ""
    parts = [f"{joules_words(cost.trials_j)} in {count_of(cost.trials, 'trials')}"]
    if cost.finetuning_j > 0:
        parts.append(f"{joules_words(cost.finetuning_j)} in fine-tuning")
    kind = "an estimated" if cost.estimated else "about"
    text = f"The sweep itself took {kind} {joules_words(cost.total_j)} ({', '.join(parts)})"
    if cost.unknown:
        text += f", without {count_of(cost.unknown, 'trials')} that left no power"
    if saved_j_per_example is None or saved_j_per_example <= 0:
        return f"{text}."
    return f"{text}; the saving has paid for it after {count_words(cost.inferences(saved_j_per_example))} inferences."
