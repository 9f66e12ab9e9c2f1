"""Exact match and F1 of SQuAD v1.1: the rules of the official evaluation script, Rajpurkar et al. 2016."""

import re
import string
from collections import Counter

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalize(answer: str) -> str:
    """Lower case, without ASCII punctuation, articles and superfluous white space."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answers: tuple[str, ...]) -> bool:
    """Whether the prediction is one of the annotators' answers."""
    normalized = normalize(prediction)
    return any(normalized == normalize(answer) for answer in answers)


def f1(prediction: str, answers: tuple[str, ...]) -> float:
    """The best overlap of words with one of the answers: harmonic mean of precision and recall."""
    words = Counter(normalize(prediction).split())
    return max(_overlap(words, Counter(normalize(answer).split())) for answer in answers)


def _overlap(predicted: Counter[str], actual: Counter[str]) -> float:
    common = (predicted & actual).total()
    return 2 * common / (predicted.total() + actual.total()) if common else 0.0
