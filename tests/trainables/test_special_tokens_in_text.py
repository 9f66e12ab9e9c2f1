"""Odd texts, with the model's special tokens or nothing in them: the logits are plain Transformers', however padded."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.make import models as tiny
from tests.make.passes import CPU, all_logits
from tests.make.tokenizers import WORDS, special_tokens, tokenizer
from trainables.batches import position_ids
from trainables.device import BackendError
from trainables.model.architectures import ARCHITECTURES
from trainables.model.cut import cut
from trainables.tasks.base import Inputs, Ragged
from trainables.tasks.classification import ClassificationTask, Examples
from trainables.tasks.squad import SQUAD
from trainables.tasks.squad_data import SquadExamples

LIMIT = 16  # tokens, those of a pass: some texts are cut
PADDINGS = ("max_length", "longest", "packed")
CASES = [(a, p) for a in ARCHITECTURES for p in PADDINGS if p != "packed" or not ARCHITECTURES[a].sliding_windows]


def texts_of(architecture: str) -> list[str]:
    """Sentences with each special token in front, within, at the end, repeated, alone; those of the other family of
    tokenizers, which are words like any other; one that is cut in the middle of its special tokens; and texts that are
    empty, blank, without a known character, or far too long."""
    own = special_tokens(architecture)
    alien = special_tokens("roberta" if own == special_tokens("bert") else "bert")
    texts = ["a fine film", "a dull film that nobody will see in parts"]
    for token in (*own, *alien):
        texts += [f"{token} a fine film", f"who {token} wrote it", f"it was dull {token}", f"a {token} {token} film"]
    odd = ["", " ", "🙂", "a 🙂 film 👩‍👩‍👧 it", "\u200b", "film " * 3000, "unheard" * 3000]
    return [*texts, *odd, own[0], " ".join(own), own[0] * 3, "film " * 9 + f"{own[0]} {own[3]} " * 9]


def ours(master: Any, inputs: Inputs, padding: str, classify: bool, batch_size: int = 7) -> np.ndarray:
    """Logits of one pass as a trial makes it, in the order of the inputs."""
    model = cut(master, 4, torch.float32, CPU)
    return all_logits(model, inputs, padding, batch_size=batch_size, classify=classify)


def theirs(master: Any, encoding: Any) -> Any:
    """`model(**batch)` with Transformers' own masks, attention and positions."""
    batch = {name: encoding[name] for name in ("input_ids", "token_type_ids", "attention_mask") if name in encoding}
    with torch.inference_mode():
        return master(**batch)


def classified(architecture: str, first: list[str], second: list[str] | None, padding: str) -> None:
    master, made = tiny.model(architecture), tokenizer(architecture)
    task = ClassificationTask("texts", lambda *_: pytest.fail("no data are loaded"))
    labels = np.zeros(len(first), dtype=np.int64)
    examples = Examples(tuple(first), None if second is None else tuple(second), labels, ("negative", "positive"))
    inputs = task.inputs(task.tokenize(examples, made), LIMIT)
    texts = [first] if second is None else [first, second]
    encoding = made(*texts, truncation=True, max_length=LIMIT, padding="max_length", return_tensors="pt")
    assert [ids.tolist() for ids in (inputs.ids[i] for i in range(len(inputs.ids)))] == [
        ids[real.bool()].tolist() for ids, real in zip(encoding["input_ids"], encoding["attention_mask"], strict=True)
    ]
    expected = theirs(master, encoding).logits.numpy()
    np.testing.assert_allclose(ours(master, inputs, padding, classify=True), expected, atol=1e-4)


@pytest.mark.parametrize(("architecture", "padding"), CASES)
def test_one_text(architecture: str, padding: str) -> None:
    classified(architecture, texts_of(architecture), None, padding)


@pytest.mark.parametrize(("architecture", "padding"), CASES)
def test_a_pair_of_texts(architecture: str, padding: str) -> None:
    texts = texts_of(architecture)
    classified(architecture, texts, texts[::-1], padding)


@pytest.mark.parametrize(("architecture", "padding"), CASES)
def test_questions_and_their_contexts(architecture: str, padding: str) -> None:
    master, made = question_answering(architecture), tokenizer(architecture)
    pad, _, first, separator, mask = special_tokens(architecture)
    questions = ["who wrote it ?", f"{mask} wrote it ?", f"who {separator} it", f"{pad} {pad} ?", f"{first} ? {pad}"]
    contexts = [f"a {pad} film {separator}", "nobody wrote it", f"{separator} nobody {pad} wrote", f"it {mask}", "🙂"]
    pairs = [(q, c) for q in questions for c in contexts]
    examples = SquadExamples(
        contexts=tuple(contexts),
        context=np.tile(np.arange(len(contexts)), len(questions)),
        questions=tuple(q for q, _ in pairs),
        answers=(("a",),) * len(pairs),
        answer_start=np.zeros(len(pairs), dtype=np.int64),
        left_out={},
    )
    inputs = SQUAD.inputs(SQUAD.tokenize(examples, made), LIMIT)
    first_texts, second_texts = [q for q, _ in pairs], [c for _, c in pairs]
    encoding = made(first_texts, second_texts, max_length=LIMIT, padding="max_length", return_tensors="pt")
    output = theirs(master, encoding)
    expected = torch.stack([output.start_logits, output.end_logits], dim=-1).numpy()
    found = ours(master, inputs, padding, classify=False)
    real = encoding["attention_mask"].bool().numpy()
    np.testing.assert_array_equal(real.sum(axis=1), inputs.ids.lengths)
    np.testing.assert_allclose(found[real], expected[real], atol=1e-4)


def question_answering(architecture: str) -> Any:
    """As `tests.make.models.model`, with a head that answers questions."""
    from transformers import AutoModelForQuestionAnswering

    torch.manual_seed(0)
    made = AutoModelForQuestionAnswering.from_config(tiny.config(architecture), dtype=torch.float32)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    return made.eval()


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if ARCHITECTURES[a].sliding_windows])
def test_what_cannot_be_packed_is_refused_not_wrong(architecture: str) -> None:
    with pytest.raises(BackendError, match="no sliding windows"):
        classified(architecture, texts_of(architecture), None, "packed")


@settings(max_examples=8, deadline=None)
@given(data=st.data(), architecture=st.sampled_from(tuple(ARCHITECTURES)))
def test_any_mixture(data: st.DataObject, architecture: str) -> None:
    words = st.sampled_from((*WORDS, *special_tokens(architecture), "unheard-of"))
    texts = data.draw(st.lists(st.lists(words, max_size=20).map(" ".join), min_size=1, max_size=6))
    for padding in (p for a, p in CASES if a == architecture):
        classified(architecture, texts, None, padding)


@pytest.mark.parametrize(
    ("ids", "first", "positions"),
    [
        ([2, 1, 9, 1], 0, [0, 1, 2, 3]),
        ([0, 9, 9, 2], 2, [2, 3, 4, 5]),
        ([0, 1, 9, 1, 1, 2], 2, [2, 1, 3, 1, 1, 4]),  # padding within the text has position 1 and counts for none
        ([], 2, []),
    ],
)
def test_positions_worked_by_hand(ids: list[int], first: int, positions: list[int]) -> None:
    assert position_ids(Ragged.from_lists([ids]), first).tolist() == positions
    assert position_ids(Ragged.from_lists([ids, [], ids]), first).tolist() == positions * 2
