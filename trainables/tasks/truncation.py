"""How many tokens of a pair of texts fit a limit: `longest_first`, as the Hugging Face tokenizers do it."""

import numpy as np


def longest_first(first: np.ndarray, second: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths kept of both texts, so that their sum is at most `room`; the longer one is cut first.

    Where both must be cut they share the room; the odd token goes to the longer (if equal, to the second).
    """
    half = room // 2
    longer_first = first > second
    shorter = np.minimum(first, second)
    kept_shorter = np.minimum(shorter, half)
    kept_longer = np.minimum(np.maximum(first, second), room - kept_shorter)
    return (np.where(longer_first, kept_longer, kept_shorter), np.where(longer_first, kept_shorter, kept_longer))
