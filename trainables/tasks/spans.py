"""The most probable answer span of every input, from the logits of its first and last token."""

import numpy as np


def best_spans(
    start_logits: np.ndarray, end_logits: np.ndarray, allowed: np.ndarray, max_tokens: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row of arrays (n, tokens): the first and last position of the best span, and its sum of logits.

    A span lies within `allowed` (a run of positions) and has at most `max_tokens` tokens. Logits that are not
    finite are never chosen; where nothing can be, the sum is -inf.
    """
    start_logits = np.where(allowed & np.isfinite(start_logits), start_logits, -np.inf)
    end_logits = np.where(allowed & np.isfinite(end_logits), end_logits, -np.inf)
    n, tokens = start_logits.shape
    rows = np.arange(n)
    best, first, last = np.full(n, -np.inf), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for extra in range(min(max_tokens, tokens)):  # one pass per span length; exact, unlike a search in the n best
        sums = start_logits[:, : tokens - extra] + end_logits[:, extra:]
        position = sums.argmax(axis=1)
        value = sums[rows, position]
        better = value > best
        best = np.where(better, value, best)
        first = np.where(better, position, first)
        last = np.where(better, position + extra, last)
    return first, last, best
