"""A tokenizer that remembers the tokens of words: a few ten thousand words are most of what is ever said.

Splitting a word into pieces is what tokenising costs; where a text's tokens are those of its words, one after the
other, each word need be split once. Tokens stay the library's own: a word that is not known is given to it.
"""

import json
import threading
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from trainables.tasks.base import Ragged
from trainables.tasks.encodings import encodings, with_offsets

MOST_WORDS, MOST_CHARACTERS = 200_000, 8_000_000  # remembered; then all are forgotten


class KnownWords:
    """A tokenizer of Transformers, with `token_ids` and `token_offsets`. Thread-safe. Made by `of`, where it may be."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known = _Known()
        self._checked = 0
        # Such a token takes the spaces beside it into its characters, which are not its word's.
        self._strips = any(token.lstrip or token.rstrip for token in tokenizer.added_tokens_decoder.values())

    @classmethod
    def of(cls, tokenizer: Any) -> Any:
        """The tokenizer that remembers, or the one that is given, where a text's tokens may not be its words'."""
        return cls(tokenizer) if words_are_apart(tokenizer) else tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *texts: Any, **options: Any) -> Any:
        return self._tokenizer(*texts, **options)

    def to_check(self, most: int) -> int:
        """Of the next texts, so many are to be compared with the library's encoding of the whole text: `most` in all,
        and then one of each call."""
        wanted = max(1, most - self._checked)
        self._checked += wanted
        return wanted

    def token_ids(self, texts: Sequence[str]) -> Ragged:
        """Untruncated and without special tokens, of one text or more. UsageError where the tokenizer cannot."""
        words, ends = _split(texts)
        known, rows = self._rows(words)
        return known.tokens_of(rows, ends)

    def token_offsets(self, texts: Sequence[str]) -> tuple[Ragged, np.ndarray, np.ndarray]:
        """The same, and the first character of each token within its text and the one after its last, int32."""
        if self._strips:
            return with_offsets(encodings(texts, self._tokenizer, offsets=True))
        words, ends = _split(texts)
        known, rows = self._rows(words)
        tokens = known.tokens_of(rows, ends)
        sizes = np.fromiter(map(len, words), dtype=np.int64, count=len(words)) + 1  # with the space behind it
        begin = np.concatenate([[0], np.cumsum(sizes)])
        within = begin[:-1] - np.repeat(begin[ends[:-1]], np.diff(ends))
        start, end = known.characters_of(rows, within)
        return tokens, start, end

    def _rows(self, words: Sequence[str]) -> tuple["_Known", np.ndarray]:
        """What is known, and where in it the words are."""
        known = self._known
        rows = np.fromiter(map(known.row.get, words, repeat(-1)), dtype=np.int64, count=len(words))
        new = np.flatnonzero(rows < 0).tolist()
        if new:
            unseen = list(dict.fromkeys(words[i] for i in new))
            known.add(unseen, *with_offsets(encodings(unseen, self._tokenizer, offsets=True)))
            rows[new] = [known.row[words[i]] for i in new]
            if len(known.row) > MOST_WORDS or known.characters > MOST_CHARACTERS:
                self._known = _Known()
        return known, rows


class _Growing:
    """An array that grows at its end. `values`: what it holds; it stays so for whoever has taken it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = self._room = values

    def extend(self, values: np.ndarray) -> None:
        begin, end = len(self.values), len(self.values) + len(values)
        if end > len(self._room):  # twice as much: else one new word would copy all that is known
            self._room = np.empty(2 * end, dtype=self.values.dtype)
            self._room[:begin] = self.values
        self._room[begin:end] = values
        self.values = self._room[:end]


class _Known:
    """Words, their tokens and the characters of these within the word. Rows are only ever added."""

    def __init__(self) -> None:
        self.row: dict[str, int] = {}
        self.characters = 0
        self._offsets = _Growing(np.zeros(1, dtype=np.int64))
        self._parts = tuple(_Growing(np.empty(0, dtype=np.int32)) for _ in range(3))  # ids, first characters and ends
        self._adding = threading.Lock()

    def add(self, words: Sequence[str], ids: Ragged, start: np.ndarray, end: np.ndarray) -> None:
        with self._adding:
            begin = len(self._offsets.values) - 1
            for part, added in zip(self._parts, (ids.values, start, end), strict=True):
                part.extend(added)
            self._offsets.extend(self._offsets.values[-1] + ids.offsets[1:])
            # After the tokens: whoever finds a row finds what it points at.
            self.row.update(zip(words, range(begin, begin + len(words)), strict=True))
            self.characters += sum(map(len, words))

    def tokens_of(self, rows: np.ndarray, ends: np.ndarray) -> Ragged:
        """Ids of the words at `rows`, of which those before `ends[i + 1]` and from `ends[i]` on are sequence i."""
        ids = self._picked(0, rows)
        return Ragged(ids.values, ids.offsets[ends])

    def characters_of(self, rows: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First character and end of the words' tokens, where the words begin at `begin`: int32."""
        start, end = self._picked(1, rows), self._picked(2, rows)
        words = np.repeat(begin, start.lengths).astype(np.int32)
        return start.values + words, end.values + words

    def _picked(self, part: int, rows: np.ndarray) -> Ragged:
        offsets = self._offsets.values
        lengths = offsets[rows + 1] - offsets[rows]
        return Ragged(self._parts[part].values, offsets).slices(rows, np.zeros_like(rows), lengths)


def _split(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The words of all texts, and where each text's end among them, with 0 before: int64 (texts + 1,)."""
    spaces = np.fromiter((text.count(" ") for text in texts), dtype=np.int64, count=len(texts))
    return " ".join(texts).split(" "), np.concatenate([[0], np.cumsum(spaces + 1)])


def words_are_apart(tokenizer: Any) -> bool:
    """Are a text's tokens those of its parts between spaces (U+0020)?

    So it is in BERT's tokenizer: what it does to a character depends on none beyond a space, and its words end there.
    Not in byte-level ones, in which a word has its space before it.
    """
    made = json.loads(tokenizer.backend_tokenizer.to_str())
    kinds = [(made[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    # Any space: BERT makes U+0020 of the others, such as U+3000, and then looks for tokens.
    spaced = any(character.isspace() for token in made["added_tokens"] for character in token["content"])
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and not spaced
