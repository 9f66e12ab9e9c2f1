"""Texts through the tokenizer's own library."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from search_spaces.errors import UsageError
from trainables.tasks.base import Ragged

_TOKENIZER_BATCH = 1000  # texts


def encodings(texts: Sequence[str], tokenizer: Any, offsets: bool = False) -> Iterator[Any]:
    """What the tokenizer's own library makes of the texts, special tokens not added, nothing cut and nothing padded.
    UsageError where it cannot.

    In batches: an encoding takes far more memory than its ids. Its threads are asked directly: what Transformers puts
    around each text takes longer than tokenising it.
    """
    backend = tokenizer.backend_tokenizer
    # Left from the tokenizer's last use, or by its files. Written only where it differs: other threads may be reading.
    if backend.truncation is not None:
        backend.no_truncation()
    if backend.padding is not None:
        backend.no_padding()
    if backend.encode_special_tokens != tokenizer.split_special_tokens:
        backend.encode_special_tokens = tokenizer.split_special_tokens
    encode = backend.encode_batch if offsets else backend.encode_batch_fast
    for at in range(0, len(texts), _TOKENIZER_BATCH):
        try:
            found = encode(list(texts[at : at + _TOKENIZER_BATCH]), add_special_tokens=False)
        except Exception as error:  # tokenizers raises Exception itself
            raise UsageError(
                f"a tokenizer must encode any text, but this one cannot ({error}); it is damaged, or another model's: "
                "take the tokenizer that belongs to the weights"
            ) from error
        yield from found


def with_offsets(found: Iterable[Any]) -> tuple[Ragged, np.ndarray, np.ndarray]:
    """Token ids of encodings with offsets, and the first character of each token and the one after its last, int32."""
    ids: list[list[int]] = []
    offsets: list[tuple[int, int]] = []
    for encoding in found:
        ids.append(encoding.ids)
        offsets += encoding.offsets
    flat = np.fromiter(chain.from_iterable(offsets), dtype=np.int32, count=2 * len(offsets)).reshape(-1, 2)
    return Ragged.from_lists(ids), flat[:, 0].copy(), flat[:, 1].copy()
