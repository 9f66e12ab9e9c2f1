"""The demo corpus: labels of hand-written sentences, an independent reading of every sentence, no leaks."""

import hashlib
import random

import numpy as np
import pytest

from search_spaces.errors import UsageError
from trainables.tasks import demo_grammar as g
from trainables.tasks import get_task
from trainables.tasks.classification import Examples
from trainables.tasks.demo import MAX_POSITIONS, demo_model

DEMO = get_task("demo")
GOOD = g.clause("the soup", g.word("tasty"))
BAD = g.clause("the staff", g.degree("very", g.word("rude")))


@pytest.fixture(scope="module")
def validation() -> Examples:
    return DEMO.load("validation", None, None)


@pytest.mark.parametrize(
    ("phrase", "text", "positive"),
    [
        (GOOD, "the soup was tasty", True),
        (BAD, "the staff was very rude", False),
        (g.clause("the bar", g.negate("not", g.word("tasty"))), "the bar was not tasty", False),
        (g.clause("the bar", g.negate("far from", g.word("dull"))), "the bar was far from dull", True),
        (g.not_but(g.word("bland"), g.word("tasty")), "not bland but tasty", True),
        (g.not_but(g.word("warm"), g.word("cold")), "not warm but cold", False),
        (g.although(GOOD, BAD), "although the soup was tasty , the staff was very rude", False),
        (g.asserted_although(GOOD, BAD), "the soup was tasty , although the staff was very rude", True),
        (g.yet(BAD, GOOD), "the staff was very rude , yet the soup was tasty", True),
        (g.deny("it is not true that", GOOD), "it is not true that the soup was tasty", False),
        (
            g.refute("the leaflet says that", BAD, "which is not the case"),
            "the leaflet says that the staff was very rude , which is not the case",
            True,
        ),
        (
            g.confirm("the leaflet says that", BAD, "and that is right"),
            "the leaflet says that the staff was very rude , and that is right",
            False,
        ),
        (g.at_scene("on the way to the harbour", BAD), "on the way to the harbour the staff was very rude", False),
    ],
)
def test_labels_of_hand_written_sentences(phrase: g.Phrase, text: str, positive: bool) -> None:
    assert phrase == g.Phrase(text, positive)


def positive(sentence: str) -> bool:
    """The label read off the words alone, without the grammar's combinators."""
    sentence = sentence.removesuffix(" .")
    if " , although " in sentence:
        return positive(sentence.split(" , although ")[0])
    if "although " in sentence or " , yet " in sentence:
        return positive(sentence.split(" , ")[1].removeprefix("yet "))
    if any(denial in sentence for denial in g.DENIALS):
        return not positive(sentence.split(" that ", 1)[1])
    if sentence.endswith(g.REFUTATIONS):
        return not positive(sentence.rsplit(" , ", 1)[0])
    if sentence.endswith(g.CONFIRMATIONS):
        return positive(sentence.rsplit(" , ", 1)[0])
    *before, last = sentence.split(" was ")[-1].split()
    turned = "not" in before or " ".join(before) in g.NEGATIONS
    return (last in g.POSITIVE) != (turned and before[0:1] + before[2:] != ["not", "but"])


def test_every_label_agrees_with_an_independent_reading(validation: Examples) -> None:
    for text, label in zip(validation.first, validation.labels, strict=True):
        assert positive(text) == bool(label), text


def test_the_corpus_is_the_same_everywhere(validation: Examples) -> None:
    digest = hashlib.sha256("\n".join(validation.first).encode() + validation.labels.tobytes()).hexdigest()
    assert digest.startswith("ebc4b789ab5bb105")
    assert g.sentence(random.Random(1)) == g.sentence(random.Random(1))


def test_training_and_validation_are_disjoint_and_balanced(validation: Examples) -> None:
    train = DEMO.load("train", None, None)
    assert len(set(train.first)) == len(train)
    assert not set(train.first) & set(validation.first)
    for examples in (train, validation):
        assert 0.45 < examples.labels.mean() < 0.55


def test_words_alone_do_not_tell_the_label(validation: Examples) -> None:
    """Counting positive against negative words is wrong for many sentences, so composition is needed."""
    counts = np.array([sum((w in g.POSITIVE) - (w in g.NEGATIVE) for w in t.split()) for t in validation.first])
    right = np.where(counts == 0, 0.5, (counts > 0) == validation.labels).mean()
    assert 0.55 < right < 0.75


def test_the_tokenizer_knows_every_word(validation: Examples) -> None:
    _, tokenizer = demo_model()
    tokenized = DEMO.tokenize(validation, tokenizer)
    assert tokenizer.unk_token_id not in tokenized.first.values
    assert tokenizer.unk_token_id in tokenizer("a zeppelin")["input_ids"]
    assert tokenizer.decode(tokenizer("the soup was tasty .")["input_ids"]) == "[CLS] the soup was tasty . [SEP]"


def test_lengths_vary_and_fit_the_model(validation: Examples) -> None:
    config, tokenizer = demo_model()
    lengths = DEMO.inputs(DEMO.tokenize(validation, tokenizer), MAX_POSITIONS).ids.lengths
    assert config.vocab_size == len(tokenizer)
    assert config.max_position_embeddings >= MAX_POSITIONS
    assert lengths.min() <= 8
    assert 40 <= lengths.max() <= 64  # so cutting at 64 is free
    assert 0.2 < (lengths > 24).mean() < 0.6


def test_the_demo_takes_no_data_folder(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=r"the demo generates its own data.*--task tsv"):
        DEMO.load("train", tmp_path, None)
