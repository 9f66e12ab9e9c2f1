"""A tokenizer that remembers the tokens of words: a few ten thousand words are most of what is ever said.

Splitting a word into pieces is what tokenising costs; where a text's tokens are those of its words, one after the
other, each word need be split once. Tokens stay the library's own: a word that is not known is given to it.
"""

import json
import threading
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np

from trainables.tasks.base import Ragged
from trainables.tasks.encodings import encodings

MOST_WORDS, MOST_CHARACTERS = 200_000, 8_000_000  # remembered; then all are forgotten


class KnownWords:
    """A tokenizer of Transformers, with `token_ids`. Thread-safe. Made by `of`, where it may be."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known = _Known()

    @classmethod
    def of(cls, tokenizer: Any) -> Any:
        """The tokenizer that remembers, or the one that is given, where a text's tokens may not be its words'."""
        return cls(tokenizer) if words_are_apart(tokenizer) else tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *texts: Any, **options: Any) -> Any:
        return self._tokenizer(*texts, **options)

    def token_ids(self, texts: Sequence[str]) -> Ragged:
        """Untruncated and without special tokens. UsageError where the tokenizer cannot."""
        known = self._known
        split = [text.split(" ") for text in texts]
        words = list(chain.from_iterable(split))
        rows = np.fromiter(map(known.row.get, words, repeat(-1)), dtype=np.int64, count=len(words))
        new = np.flatnonzero(rows < 0)
        if len(new):
            unseen = list(dict.fromkeys(words[i] for i in new))
            known.add(unseen, Ragged.from_lists([found.ids for found in encodings(unseen, self._tokenizer)]))
            rows[new] = [known.row[words[i]] for i in new]
            if len(known.row) > MOST_WORDS or known.characters > MOST_CHARACTERS:
                self._known = _Known()
        tokens = known.tokens
        lengths = tokens.lengths[rows]
        values = tokens.slices(rows, np.zeros_like(rows), lengths).values
        counts = np.fromiter(map(len, split), dtype=np.int64, count=len(split))
        ends = np.concatenate([[0], np.cumsum(lengths)])[np.cumsum(counts)]
        return Ragged(values, np.concatenate([[0], ends]).astype(np.int64))


class _Known:
    """Words and their tokens. Rows are only ever added."""

    def __init__(self) -> None:
        self.row: dict[str, int] = {}
        self.tokens = Ragged.from_lists([])
        self.characters = 0
        self._adding = threading.Lock()

    def add(self, words: Sequence[str], tokens: Ragged) -> None:
        with self._adding:
            old = self.tokens
            offsets = np.concatenate([old.offsets, old.offsets[-1] + tokens.offsets[1:]])
            self.tokens = Ragged(np.concatenate([old.values, tokens.values]), offsets)
            # After the tokens: whoever finds a row finds what it points at.
            self.row.update(zip(words, range(len(old), len(self.tokens)), strict=True))
            self.characters += sum(map(len, words))


def words_are_apart(tokenizer: Any) -> bool:
    """Are a text's tokens those of its parts between spaces (U+0020)?

    So it is in BERT's tokenizer: what it does to a character depends on none beyond a space, and its words end there.
    Not in byte-level ones, in which a word has its space before it.
    """
    made = json.loads(tokenizer.backend_tokenizer.to_str())
    kinds = [(made[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    spaced = any(" " in token["content"] for token in made["added_tokens"])
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and not spaced
