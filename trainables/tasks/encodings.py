"""Texts through the tokenizer's own library."""

from collections.abc import Iterator, Sequence
from typing import Any

from search_spaces.errors import UsageError

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
