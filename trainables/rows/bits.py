"""Which examples were right, as a row holds it: base64 of `numpy.packbits`, in the order of the split."""

import base64

import numpy as np
import numpy.typing as npt


def encode_bits(correct: npt.ArrayLike) -> str:
    """From booleans of shape (examples,)."""
    return base64.b64encode(np.packbits(np.asarray(correct, dtype=bool)).tobytes()).decode("ascii")


def decode_bits(text: str, examples: int) -> npt.NDArray[np.bool_]:
    """Booleans of shape (examples,). ValueError where the text is too short for them."""
    packed = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    if packed.size * 8 < examples:
        raise ValueError(f"correct_bits hold {packed.size * 8} examples, fewer than the {examples} evaluated")
    return np.unpackbits(packed, count=examples).astype(bool)
