"""Remembered words give the tokens that the library gives for the whole text."""

import threading

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE, WordPiece
from transformers import PreTrainedTokenizerFast

from trainables.tasks import known_words
from trainables.tasks.classification import token_ids
from trainables.tasks.encodings import encodings, with_offsets
from trainables.tasks.known_words import KnownWords, words_are_apart

LETTERS = "abcdefghijklmnopqrstuvwxyzßσςı"
WORDS = ["the", "soup", "was", "tast", "##y", "##s", "##ing", ".", "!", "'", "-", "中", "国", "e", "##e"]


def bert(lowercase=True, tokens=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), added=()):
    names = dict.fromkeys([*tokens, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)])
    made = Tokenizer(WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(list(tokens))
    made.add_tokens(list(added))
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]")


ADDED = (AddedToken("<mask>", lstrip=True, special=True), AddedToken("soups", single_word=True, normalized=True))
TOKENIZERS = [bert(), bert(lowercase=False), bert(added=ADDED)]
HARD = [
    "a\x1cb c\u00a0d\u3000e\tf\ng  h ",
    "e\u0301 \u0301e Ä İ ΣΑΣ ß ﬁ \ufffd a\x00b",
    "[MASK] [MASK]soup the[SEP] <mask>soup a <mask> soups ssoups soups.",
    "中国soup... 'tis-the-soup! \U0001f600\u200d\U0001f600 \u200b\u2028x",
    "",
    "   ",
    "a" * 101 + " " + "a" * 100,
]
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab e.'[]\u0301\u00a0\t "), max_size=40)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(some=st.lists(texts | st.sampled_from(HARD), min_size=1, max_size=5))
@example(some=HARD)
@settings(max_examples=150, deadline=None)
def test_tokens_are_those_of_the_whole_text(tokenizer, some):
    expected = token_ids(some, tokenizer)
    remembering = KnownWords.of(tokenizer)
    for _ in range(2):  # at first no word is known, then all are
        found = token_ids(some, remembering)
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(found.offsets, expected.offsets)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(some=st.lists(texts | st.sampled_from(HARD), min_size=1, max_size=5))
@example(some=HARD)
@settings(max_examples=150, deadline=None)
def test_so_are_their_characters(tokenizer, some):
    expected = with_offsets(encodings(some, tokenizer, offsets=True))
    remembering = KnownWords.of(tokenizer)
    for _ in range(2):
        found = remembering.token_offsets(some)
        np.testing.assert_array_equal(found[0].offsets, expected[0].offsets)
        for part, whole in zip((found[0].values, *found[1:]), (expected[0].values, *expected[1:]), strict=True):
            np.testing.assert_array_equal(part, whole)
            assert part.dtype == whole.dtype


def test_only_the_words_that_are_new_are_given_to_the_library(monkeypatch):
    asked = []
    whole = known_words.encodings
    monkeypatch.setattr(known_words, "encodings", lambda words, *a, **k: asked.append(words) or whole(words, *a, **k))
    remembering = KnownWords.of(bert())
    remembering.token_ids(["the soup", "the soup was"])
    remembering.token_ids(["was the soup tasty"])
    remembering.token_ids(["tasty soup"])
    assert asked == [["the", "soup", "was"], ["tasty"]]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(known_words, "MOST_WORDS", 20)
    tokenizer = bert()
    remembering = KnownWords.of(tokenizer)
    for begin in range(0, 200, 8):
        some = [" ".join(f"a{i}" for i in range(begin, begin + 8))]
        np.testing.assert_array_equal(remembering.token_ids(some).values, token_ids(some, tokenizer).values)
        assert len(remembering._known.row) <= 20
    monkeypatch.setattr(known_words, "MOST_CHARACTERS", 1000)
    remembering.token_ids(["x" * 2000])
    assert remembering._known.characters == 0


def test_threads_may_learn_at_once():
    tokenizer = bert()
    remembering, wrong = KnownWords.of(tokenizer), []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(20):
            some = [" ".join("abcdefgh"[i] * j for i, j in rng.integers(1, 8, size=(6, 2)))]
            if remembering.token_ids(some).values.tolist() != token_ids(some, tokenizer).values.tolist():
                wrong.append(some)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_new_word_does_not_copy_what_is_known():
    remembering = KnownWords.of(bert())
    remembering.token_ids([" ".join(f"a{i}" for i in range(1000))])
    remembering.token_ids(["one"])
    room = [part._room for part in (remembering._known._offsets, *remembering._known._parts)]
    for i in range(1000, 1200):
        remembering.token_ids([f"a{i}"])
    assert all(
        part._room is before
        for part, before in zip((remembering._known._offsets, *remembering._known._parts), room, strict=True)
    )


def byte_level():
    made = Tokenizer(BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made)


@pytest.mark.parametrize(
    "tokenizer",
    [byte_level(), bert(added=["New York"]), bert(added=["New\u00a0York"]), bert(added=["\u3000"])],
    ids=["byte level", "a token of two words", "with a space that becomes a plain one", "a space"],
)
def test_where_a_text_is_more_than_its_words_nothing_is_remembered(tokenizer):
    assert not words_are_apart(tokenizer)
    assert KnownWords.of(tokenizer) is tokenizer


def test_all_else_is_the_tokenizers():
    tokenizer = bert()
    remembering = KnownWords.of(tokenizer)
    assert remembering.pad_token_id == tokenizer.pad_token_id
    assert remembering(["the soup"])["input_ids"] == tokenizer(["the soup"])["input_ids"]
