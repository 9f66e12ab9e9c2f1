"""Where a tokenizer puts its special tokens, found by asking it rather than by knowing the architecture."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainables.tasks.base import Ragged

_BEFORE, _FIRST, _BETWEEN, _SECOND, _AFTER = range(5)


@dataclass(frozen=True)
class SpecialTokens:
    """`before first between second after`: the ids around one or two texts, and the token type of each part.

    BERT: [CLS] a [SEP] b [SEP] with types 0 0 0 1 1. RoBERTa: <s> a </s></s> b </s>, without types.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]  # empty for a single text
    after: tuple[int, ...]
    types: tuple[int, int, int, int, int] | None  # of the five parts; None where the model takes no types

    @classmethod
    def of(cls, tokenizer: Any, pair: bool) -> "SpecialTokens":
        """Read off the encoding of a probe: the tokens that belong to neither text are the special ones."""
        encoding = tokenizer(*(["a", "a"] if pair else ["a"]), return_token_type_ids=True)
        ids: list[list[int]] = [[] for _ in range(5)]
        types = [0] * 5
        part = _BEFORE
        for token, token_type, text in zip(
            encoding["input_ids"], encoding["token_type_ids"], encoding.sequence_ids(0), strict=True
        ):
            if text is not None:
                part = _FIRST if text == 0 else _SECOND
            elif part == _FIRST:
                part = _BETWEEN if pair else _AFTER
            elif part == _SECOND:
                part = _AFTER
            ids[part].append(token)
            types[part] = token_type
        used = "token_type_ids" in tokenizer.model_input_names
        return cls(
            tuple(ids[_BEFORE]),
            tuple(ids[_BETWEEN]),
            tuple(ids[_AFTER]),
            (types[0], types[1], types[2], types[3], types[4]) if used else None,
        )

    @property
    def count(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)

    def wrap(self, first: Ragged, second: Ragged | None) -> tuple[Ragged, Ragged | None]:
        """Ids and token types of the texts with their special tokens, row by row."""
        n = len(first)
        second = second or _repeat((), n)
        parts = (_repeat(self.before, n), first, _repeat(self.between, n), second, _repeat(self.after, n))
        ids = Ragged.join(*parts)
        if self.types is None:
            return ids, None
        typed = (_fill(part, value) for part, value in zip(parts, self.types, strict=True))
        return ids, Ragged.join(*typed)


def _repeat(tokens: tuple[int, ...], n: int) -> Ragged:
    return Ragged(np.tile(np.array(tokens, dtype=np.int32), n), np.arange(n + 1, dtype=np.int64) * len(tokens))


def _fill(part: Ragged, value: int) -> Ragged:
    return Ragged(np.full_like(part.values, value), part.offsets)
