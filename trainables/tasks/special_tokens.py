"""Where a tokenizer puts its special tokens, found by asking it rather than by knowing the architecture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from search_spaces.errors import UsageError, check
from trainables.tasks.base import Ragged
from trainables.tasks.known_words import KnownWords

CHECKED = 16  # texts of each split that are encoded a second time, whole

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
        probe = _probe(tokenizer)
        encoding = tokenizer(*([probe, probe] if pair else [probe]), return_token_type_ids=True)
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


def _probe(tokenizer: Any) -> str:
    """A text that leaves at least one token. Not every tokenizer knows the letter a, or has a token for what it does
    not know."""

    def known() -> Iterator[str]:  # tens of thousands, and hardly ever wanted
        for number in sorted(set(tokenizer.get_vocab().values())):
            yield str(tokenizer.decode([number]))

    for text in chain("a", known()):
        if tokenizer(text, add_special_tokens=False)["input_ids"]:
            return text
    raise UsageError("the tokenizer must know at least one text, but every one leaves no token; take another model")


def check_encoding(
    special: SpecialTokens, tokenizer: Any, texts: Sequence[Sequence[str]], parts: Sequence[Ragged]
) -> None:
    """UsageError unless the first texts (one or two columns of them) encode to `parts` with special tokens around
    them: what is cut to a length and measured is then what the tokenizer gives."""
    wanted = tokenizer.to_check(CHECKED) if isinstance(tokenizer, KnownWords) else CHECKED
    rows = np.arange(min(len(parts[0]), wanted))
    few = [part.slices(rows, np.zeros_like(rows), part.lengths[rows]) for part in parts]
    ids, _ = special.wrap(few[0], few[1] if len(few) > 1 else None)
    encoded = tokenizer(*(list(column[: len(rows)]) for column in texts), verbose=False)["input_ids"]
    for row, whole in enumerate(encoded):
        text = " | ".join(column[row] for column in texts)
        check(
            ids[row].tolist() == list(whole),
            "a tokenizer must give a text's own tokens, and special tokens around them that are always the same",
            f"{len(whole)} tokens where {len(ids[row])} were expected, for {text[:60]!r}",
            "its template depends on the text, which cannot be cut to a length: take another model",
        )


def _repeat(tokens: tuple[int, ...], n: int) -> Ragged:
    return Ragged(np.tile(np.array(tokens, dtype=np.int32), n), np.arange(n + 1, dtype=np.int64) * len(tokens))


def _fill(part: Ragged, value: int) -> Ragged:
    return Ragged(np.full_like(part.values, value), part.offsets)
