"""From outputs to answers: a label and its probability, or the text of a span."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainables.tasks.base import Inputs
from trainables.tasks.squad import SquadTask


@dataclass(frozen=True)
class Prediction:
    """`answer`: the label's name, or the text that answers a question. `score`: the label's probability (softmax), or
    the sum of the logits of the answer's first and last token; NaN, with an empty answer, where the model computed no
    number."""

    answer: str
    score: float


def answered(
    task: Any, labels: tuple[str, ...], outputs: np.ndarray, tokenized: Any, inputs: Inputs
) -> list[Prediction]:
    """One per example."""
    if isinstance(task, SquadTask):
        texts, values = task.answers(outputs, tokenized, inputs)
        return [
            Prediction(text, float(v) if np.isfinite(v) else float("nan"))
            for text, v in zip(texts, values, strict=True)
        ]
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    best = outputs.argmax(axis=1)
    shares = shifted[np.arange(len(best)), best] / shifted.sum(axis=1)
    known = ~np.isnan(outputs).any(axis=1)  # as the trial scores it: a row with a NaN predicts nothing
    found = zip(best.tolist(), shares.tolist(), known.tolist(), strict=True)
    return [Prediction(labels[label], share) if ok else Prediction("", float("nan")) for label, share, ok in found]
