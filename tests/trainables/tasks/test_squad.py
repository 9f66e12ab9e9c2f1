"""SQuAD: windows against the Hugging Face tokenizer, spans by hand, scores against a second scorer."""

import json
import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.errors import UsageError
from trainables.tasks.base import Inputs
from trainables.tasks.spans import best_spans
from trainables.tasks.squad import OVERLAP_TOKENS, SQUAD, Windows
from trainables.tasks.squad_data import LEFT_OUT, LISTED, MISPLACED, Question, SquadExamples, collect
from trainables.tasks.squad_score import exact_match, f1, normalize

SHARED = Path(__file__).resolve().parents[4] / "shared"
CONTEXT = "In 1903 the brothers flew (twice) near Kitty Hawk; their aeroplane, the Flyer, weighed 274 kg."
VOCABULARY = sorted(set(re.findall(r"\w+|[^\w\s]", CONTEXT + " what did they fly when where ?")))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Words and punctuation, with BERT's template."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    vocabulary = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *VOCABULARY])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def ask(question: str, context: str, *answers: str) -> Question:
    return Question("q", question, context, answers, context.index(answers[0]))


def words(rng: np.random.Generator, n: int) -> str:
    return " ".join(rng.choice(VOCABULARY, n))


def logits(windows: Inputs, spans: dict[int, tuple[int, int, float]], max_seq_len: int) -> np.ndarray:
    """All -1 but, per input, a first and last position with half the given sum each."""
    outputs = np.full((len(windows.ids), max_seq_len, 2), -1.0, dtype=np.float32)
    for i, (first, last, total) in spans.items():
        outputs[i, first, 0] = outputs[i, last, 1] = total / 2
    return outputs


@pytest.mark.parametrize("max_seq_len", [288, 320, 384, 512])
def test_windows_equal_those_of_the_tokenizer(tokenizer: Any, max_seq_len: int) -> None:
    """For limits whose windows are at least twice the overlap, or the tokenizer's stride would be another."""
    rng = np.random.default_rng(0)
    contexts = [words(rng, n) for n in (5, 100, 240, 276, 280, 300, 500, 1200)]
    questions = [words(rng, n) for n in (1, 3, 5, 8, 12, 20, 4, 9)]
    rows = [Question("q", q, c, ("x",), 0) for q, c in zip(questions, contexts, strict=True)]
    windows = SQUAD.inputs(SQUAD.tokenize(collect(rows), tokenizer), max_seq_len)
    expected = tokenizer(
        questions,
        contexts,
        truncation="only_second",
        max_length=max_seq_len,
        stride=OVERLAP_TOKENS,
        return_overflowing_tokens=True,
    )
    assert [list(windows.ids[i]) for i in range(len(windows.ids))] == expected["input_ids"]
    assert windows.token_types is not None
    assert [list(windows.token_types[i]) for i in range(len(windows.ids))] == expected["token_type_ids"]
    assert windows.example.tolist() == expected["overflow_to_sample_mapping"]


@pytest.mark.parametrize("max_seq_len", [8, 16, 32, 64, 128, 160, 192, 384])
def test_windows_cover_every_context_token(tokenizer: Any, max_seq_len: int) -> None:
    rng = np.random.default_rng(1)
    rows = [Question("q", words(rng, 1 + 7 * i), words(rng, 1 + 60 * i), ("x",), 0) for i in range(12)]
    tokenized = SQUAD.tokenize(collect(rows), tokenizer)
    windows = SQUAD.inputs(tokenized, max_seq_len)
    assert windows.ids.lengths.max() <= max_seq_len
    first, tokens = windows.layout.first, windows.layout.tokens
    assert (tokens >= 1).all()
    for example, context in enumerate(tokenized.context):
        mine = windows.example == example
        seen = [set(range(f, f + n)) for f, n in zip(first[mine], tokens[mine], strict=True)]
        assert set.union(*seen) == set(range(tokenized.contexts.lengths[context]))
        assert all(a & b for a, b in pairwise(seen)) or max_seq_len == 8  # they overlap


def test_targets_are_the_answer_in_every_window_that_holds_it(tokenizer: Any) -> None:
    # In 1903 the brothers flew ( twice ) near Kitty Hawk: "Kitty Hawk" is tokens 9..10 of the context
    tokenized = SQUAD.tokenize(collect([ask("where did they fly ?", CONTEXT, "Kitty Hawk")]), tokenizer)
    assert (tokenized.answer_first.tolist(), tokenized.answer_last.tolist()) == ([9], [10])
    windows = SQUAD.inputs(tokenized, 16)  # room 13: 5 of the question, windows of 8, step 4
    assert windows.layout.first.tolist() == [0, 4, 8, 12, 16]
    targets = SQUAD.train_targets(tokenized, windows)
    # [CLS] where did they fly ? [SEP] is 7 tokens, so the context begins at 7
    assert targets["start_positions"].tolist() == [0, 12, 8, 0, 0]
    assert targets["end_positions"].tolist() == [0, 13, 9, 0, 0]


def test_an_answer_longer_than_every_window_is_counted(tokenizer: Any) -> None:
    answer = "the brothers flew (twice) near Kitty Hawk; their aeroplane"
    rows = [ask("what ?", CONTEXT, answer), ask("when ?", CONTEXT, "1903")]
    tokenized = SQUAD.tokenize(collect(rows), tokenizer)
    windows = SQUAD.inputs(tokenized, 12)
    targets = SQUAD.train_targets(tokenized, windows)
    assert not targets["start_positions"][windows.example == 0].any()
    assert targets["start_positions"][windows.example == 1].any()
    rule = "trained as unanswerable: no window of 12 tokens holds the whole answer"
    assert SQUAD.remarks(tokenized, 12) == {rule: 1}
    assert SQUAD.remarks(tokenized, 64) == {}


def test_the_best_window_s_span_is_cut_from_the_text(tokenizer: Any) -> None:
    examples = collect([ask("where did they fly ?", CONTEXT, "Kitty Hawk"), ask("when ?", CONTEXT, "1903")])
    tokenized = SQUAD.tokenize(examples, tokenizer)
    windows = SQUAD.inputs(tokenized, 16)
    first_of_second = int(np.argmax(windows.example == 1))
    # window 2 says "Hawk; their" (tokens 10..12, at positions 9..11) with more weight than window 1
    outputs = logits(windows, {1: (12, 13, 8.0), 2: (9, 11, 9.0), first_of_second: (5, 5, 4.0)}, 16)
    assert SQUAD.answers(outputs, tokenized, windows)[0] == ["Hawk; their", "1903"]
    scores = SQUAD.score(outputs, tokenized, windows)
    # "hawk their" against "kitty hawk": 1 common word of 2 and 2: F1 0.5; the other is exact
    assert scores.metrics == {"accuracy": 0.5, "exact_match": 0.5, "f1": 0.75}
    assert scores.correct.tolist() == [False, True]


def test_predictions_stay_within_the_context(tokenizer: Any) -> None:
    tokenized = SQUAD.tokenize(collect([ask("when ?", CONTEXT, "1903")]), tokenizer)
    windows = SQUAD.inputs(tokenized, 64)
    outputs = logits(windows, {0: (1, 1, 99.0)}, 64)  # the question itself
    outputs[0, 6, :] = 1.0  # "the"
    assert SQUAD.answers(outputs, tokenized, windows)[0] == ["the"]


def test_logits_that_are_not_finite_predict_nothing(tokenizer: Any) -> None:
    tokenized = SQUAD.tokenize(collect([ask("when ?", CONTEXT, "1903")]), tokenizer)
    windows = SQUAD.inputs(tokenized, 64)
    outputs = np.full((1, 64, 2), np.nan, dtype=np.float32)
    assert SQUAD.answers(outputs, tokenized, windows)[0] == [""]


def test_other_inputs_than_windows_are_refused(tokenizer: Any) -> None:
    tokenized = SQUAD.tokenize(collect([ask("when ?", CONTEXT, "1903")]), tokenizer)
    windows = SQUAD.inputs(tokenized, 64)
    with pytest.raises(TypeError, match="Windows"):
        SQUAD.train_targets(tokenized, Inputs(windows.ids, None, windows.example, 0))


def test_best_spans_equal_an_exhaustive_search() -> None:
    rng = np.random.default_rng(2)
    start, end = rng.normal(size=(20, 25)), rng.normal(size=(20, 25))
    allowed = np.zeros((20, 25), dtype=bool)
    for i in range(20):
        allowed[i, i % 5 + 1 : 12 + i % 13] = True
    first, last, total = best_spans(start, end, allowed, 6)
    for i in range(20):
        spans = [
            (start[i, a] + end[i, b], a, b)
            for a in range(25)
            for b in range(a, min(a + 6, 25))
            if allowed[i, a] and allowed[i, b]
        ]
        assert (total[i], first[i], last[i]) == max(spans)


def test_best_span_never_ends_before_it_begins() -> None:
    start, end = np.array([[0.0, 0.0, 5.0]]), np.array([[5.0, 0.0, 0.0]])
    first, last, total = best_spans(start, end, np.ones((1, 3), dtype=bool), 30)
    assert (int(first[0]), int(last[0]), float(total[0])) == (0, 0, 5.0)  # before (2, 2), as good


@pytest.mark.parametrize(
    ("answer", "normalized"),
    [
        ("The Flyer!", "flyer"),
        ("  an  Apple a day\n", "apple day"),
        ("the-the", "thethe"),  # punctuation goes first, so no article is left to remove
        ("theatre", "theatre"),
        ("$1,000.50", "100050"),
        ("U.S.A.", "usa"),
        ("“quoted” – dash", "“quoted” – dash"),  # only ASCII punctuation
        ("a", ""),
    ],
)
def test_normalize(answer: str, normalized: str) -> None:
    assert normalize(answer) == normalized


def test_f1_by_hand() -> None:
    # "wright brothers" / "the wright brothers": equal once normalised
    assert f1("Wright brothers", ("the Wright Brothers",)) == 1.0
    # 2 common words of 4 predicted and 3 actual: 2 * 2 / 7
    assert f1("two wright brothers flew", ("wright brothers walked",)) == pytest.approx(4 / 7)
    # repeated words count as often as both have them: 1 of 2 and 1
    assert f1("big big", ("big",)) == pytest.approx(2 / 3)
    # the best of the annotators
    assert f1("1903", ("in 1903", "1903")) == 1.0
    assert f1("", ("1903",)) == 0.0
    assert exact_match("the 1903", ("in 1903", "1903."))
    assert not exact_match("", ("1903",))


def straightforward_scores(prediction: str, answers: tuple[str, ...]) -> tuple[bool, float]:
    """The published definition, step by step, without this project's code."""

    def tokens(text: str) -> list[str]:
        kept = "".join(c for c in text.lower() if c not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()

    best = 0.0
    for answer in answers:
        left, common = tokens(answer), 0
        for token in tokens(prediction):
            if token in left:
                left.remove(token)
                common += 1
        if common:
            precision, recall = common / len(tokens(prediction)), common / len(tokens(answer))
            best = max(best, 2 * precision * recall / (precision + recall))
    return any(tokens(prediction) == tokens(answer) for answer in answers), best


def random_answers(n: int) -> list[tuple[str, tuple[str, ...]]]:
    rng = np.random.default_rng(3)
    pieces = ["The", "a", "an", "Flyer,", "flyer", "U.S.", "1903", "–", "the-end", "Kitty", "(kitty)", "\t", "é!", ""]

    def text() -> str:
        return " ".join(rng.choice(pieces, rng.integers(0, 6)))

    return [(text(), tuple(text() for _ in range(rng.integers(1, 4)))) for _ in range(n)]


def test_scores_equal_a_straightforward_implementation() -> None:
    for prediction, answers in random_answers(3000):
        em, overlap = straightforward_scores(prediction, answers)
        assert exact_match(prediction, answers) == em, (prediction, answers)
        assert f1(prediction, answers) == pytest.approx(overlap), (prediction, answers)


def test_scores_equal_torchmetrics() -> None:
    functional = pytest.importorskip("torchmetrics.functional.text", reason="torchmetrics is not installed")
    # Its F1 is version 2.0's: empty against empty is right. Version 1.1, which knows no empty answer, says 0.
    cases = [case for case in random_answers(600) if normalize(case[0]) and all(map(normalize, case[1]))]
    assert len(cases) > 200
    preds = [{"prediction_text": p, "id": str(i)} for i, (p, _) in enumerate(cases)]
    target = [
        {"answers": {"answer_start": [0] * len(a), "text": list(a)}, "id": str(i)} for i, (_, a) in enumerate(cases)
    ]
    reference = functional.squad(preds, target)
    assert np.mean([exact_match(*case) for case in cases]) * 100 == pytest.approx(float(reference["exact_match"]))
    assert np.mean([f1(*case) for case in cases]) * 100 == pytest.approx(float(reference["f1"]), rel=1e-5)


def test_scores_equal_evaluate() -> None:
    evaluate = pytest.importorskip("evaluate", reason="evaluate is not installed")
    try:
        metric = evaluate.load("squad")
    except (FileNotFoundError, ConnectionError) as error:  # its script lies on the hub
        pytest.skip(f"evaluate's metric cannot be fetched: {error}")
    cases = random_answers(300)
    reference = metric.compute(
        predictions=[{"prediction_text": p, "id": str(i)} for i, (p, _) in enumerate(cases)],
        references=[
            {"answers": {"answer_start": [0] * len(a), "text": list(a)}, "id": str(i)} for i, (_, a) in enumerate(cases)
        ],
    )
    assert np.mean([exact_match(*case) for case in cases]) * 100 == pytest.approx(reference["exact_match"])
    assert np.mean([f1(*case) for case in cases]) * 100 == pytest.approx(reference["f1"])


# Reading


def entry(number: int, answer: str, start: int, **changes: Any) -> dict[str, Any]:
    values = {"id": f"q{number}", "question": "when ?", "answers": [{"text": answer, "answer_start": start}]}
    return values | changes


def squad_folder(path: Path, *entries: dict[str, Any], context: str = CONTEXT) -> Path:
    content = json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(entries)}]}]})
    for name in ("train-v1.1.json", "dev-v1.1.json"):
        (path / name).write_text(content)
    return path


def test_local_files_and_limit(tmp_path: Path) -> None:
    folder = squad_folder(tmp_path, entry(0, "1903", 3), entry(1, "Flyer", CONTEXT.index("Flyer")))
    data = SQUAD.load("train", folder)
    assert (len(data), data.contexts, data.context.tolist()) == (2, (CONTEXT,), [0, 0])
    assert data.answers == (("1903",), ("Flyer",))
    assert data.answer_start.tolist() == [3, 72]
    assert len(SQUAD.load("validation", folder, 1)) == 1
    with pytest.raises(UsageError, match="at least 1, but got 0"):
        SQUAD.load("validation", folder, 0)


def test_wrong_offsets_are_counted_and_left_out_of_training_only(tmp_path: Path, tokenizer: Any) -> None:
    folder = squad_folder(tmp_path, entry(0, "1903", 4), entry(1, "1903", -1), entry(2, "1903", 3))
    data = SQUAD.load("train", folder)
    assert len(data) == 1
    assert data.left_out == {MISPLACED: 2}
    assert SQUAD.remarks(SQUAD.tokenize(data, tokenizer), 64) == {MISPLACED: 2}
    assert len(SQUAD.load("validation", folder)) == 3


def test_listed_ids_are_left_out_of_training_and_counted(tmp_path: Path) -> None:
    folder = squad_folder(tmp_path, entry(0, "1903", 3), entry(1, "1903", 3), entry(2, "1903", 9))
    (folder / LEFT_OUT).write_text("q0\n")
    data = SQUAD.load("train", folder)
    assert len(data) == 1
    assert data.left_out == {LISTED: 1, MISPLACED: 1}
    assert SQUAD.load("train", folder, 1).left_out == {LISTED: 1}, "of those read up to the limit"
    validation = SQUAD.load("validation", folder)
    assert (len(validation), validation.left_out) == (3, {})


def test_nothing_left_to_train_on_says_why(tmp_path: Path) -> None:
    folder = squad_folder(tmp_path, entry(0, "1903", 4), entry(1, "1903", 5))
    with pytest.raises(UsageError, match=r"at least one usable question, but 2 left out: the answer is not at"):
        SQUAD.load("train", folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers": []}, "question q0: no answer"),
        ({"question": " "}, "question q0: the question is empty"),
        ({"answers": [{"text": "1903"}]}, r"question q0: needs .*answer_start"),
        ({"answers": None, "question": None}, "question q0: needs"),
        ({"question": 7}, r"question q0: needs .*a text is not a string"),
        ({"answers": [{"text": None, "answer_start": 3}]}, r"question q0: needs .*a text is not a string"),
    ],
)
def test_malformed_questions_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SQUAD.load("validation", squad_folder(tmp_path, entry(0, "1903", 3, **changes)))


@pytest.mark.parametrize(
    ("context", "message"), [(" \n", "question q0: the context is empty"), (None, r"question q0: needs .*not a string")]
)
def test_empty_context_is_named(tmp_path: Path, context: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SQUAD.load("train", squad_folder(tmp_path, entry(0, "1903", 0), context=context))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data": [\n1,,]}', r"dev-v1.1.json:2: not JSON"),
        (b'{"data": [{"title": "x"}]}', "not the structure of SQuAD"),
        (b"[]", "not the structure of SQuAD"),
        (b'{"data": "caf\xe9"}', "not UTF-8"),
        (b'{"data": []}', "at least one usable question, but the file lists none"),
    ],
)
def test_malformed_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "dev-v1.1.json").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        SQUAD.load("validation", tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train-v1.1.json does not exist"):
        SQUAD.load("train", tmp_path)


def test_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    rows = {
        "id": ["q0"],
        "title": ["t"],
        "context": [CONTEXT],
        "question": ["when ?"],
        "answers": [{"text": ["1903", "In 1903"], "answer_start": [3, 0]}],
    }
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **kwargs: datasets.Dataset.from_dict(rows))
    data = SQUAD.load("validation")
    assert (data.answers, data.answer_start.tolist()) == ((("1903", "In 1903"),), [3])


# Real data


@pytest.fixture(scope="module")
def development() -> SquadExamples:
    if not (SHARED / "data" / "squad").is_dir():
        pytest.skip(f"no SQuAD at {SHARED / 'data' / 'squad'}")
    return SQUAD.load("validation", SHARED / "data" / "squad", 2000)


@pytest.fixture(scope="module")
def minilm() -> Any:
    if not (SHARED / "models" / "minilm-l6").is_dir():
        pytest.skip(f"no real tokenizer at {SHARED / 'models' / 'minilm-l6'}")
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(SHARED / "models" / "minilm-l6")


@pytest.mark.parametrize("max_seq_len", [384, 192])
def test_perfect_logits_score_nearly_everything(development: SquadExamples, minilm: Any, max_seq_len: int) -> None:
    """The rest: answers longer than 30 tokens, or that begin within a token."""
    tokenized = SQUAD.tokenize(development, minilm)
    windows = SQUAD.inputs(tokenized, max_seq_len)
    targets = SQUAD.train_targets(tokenized, windows)
    outputs = np.zeros((len(windows.ids), max_seq_len, 2), dtype=np.float32)
    rows = np.arange(len(windows.ids))
    outputs[rows, targets["start_positions"], 0] = 9.0
    outputs[rows, targets["end_positions"], 1] = 9.0
    began = time.perf_counter()
    scores = SQUAD.score(outputs, tokenized, windows)
    assert time.perf_counter() - began < 10  # about 0.5 s on an idle core
    assert isinstance(windows, Windows)
    assert scores.metrics["exact_match"] > 0.985
    assert scores.metrics["f1"] > 0.99
    assert scores.metrics["accuracy"] == scores.metrics["exact_match"] == scores.correct.mean()


@pytest.mark.parametrize("where", ["context", "question", "answer"])
def test_half_a_character_is_named(tmp_path: Path, where: str) -> None:
    """JSON can hold one half of a surrogate pair, as scraped text does; no tokenizer takes it."""
    texts = {"context": "Ann likes tea.", "question": "Who?", "answer": "Ann"}
    texts[where] += "\ud83d"
    entry = {"id": "q7", "question": texts["question"], "answers": [{"text": texts["answer"], "answer_start": 0}]}
    content = {"data": [{"paragraphs": [{"context": texts["context"], "qas": [entry]}]}]}
    (tmp_path / "dev-v1.1.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=f"question q7: the {where} holds half of a surrogate pair"):
        SQUAD.load("validation", tmp_path, None)
