"""The predictor answers what the trial answered, example by example, in its batches and in others."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.backends import BACKENDS, Backend
from search_spaces.errors import UsageError
from search_spaces.trial_config import TrialConfig
from serving.device import fitted
from serving.make_export import export
from serving.predictor import Predictor
from serving.run_folder import find
from tests.make.measured_run import Case, trial_of
from tests.serving.conftest import CASES, PADDINGS
from trainables import backends
from trainables.load import cut, prepare
from trainables.model.loading import from_files, load_checkpoint
from trainables.rows.bits import decode_bits
from trainables.rows.folder import weights_folder
from trainables.tasks import classification, get_task

CPU = torch.device("cpu")
# "framed" is eager built for fixed shapes: what frames do, without the half minute that a compiler takes for them.
FRAMED = "framed"


@pytest.fixture(autouse=True)
def framed():
    BACKENDS.add(Backend(FRAMED, "trainables.backends.eager"))
    yield
    del BACKENDS[FRAMED]


def loaded(
    runs: dict[str, tuple[Path, Case]], name: str, folder: Path, backend: str | None = None, **values: Any
) -> Any:
    """(predictor, texts, truth: which answers of the trial were right, a function that says which are right)."""
    run, case = runs[name]
    source = find(run, trial_of(case, **values).trial_id)
    export(source, folder)
    task = get_task(case.task)
    examples = task.load("validation", case.data_dir, case.examples)
    truth = decode_bits(source.row["correct_bits"], len(examples))
    if name == "squad":
        from trainables.tasks.squad_score import exact_match

        texts = [(q, examples.contexts[c]) for q, c in zip(examples.questions, examples.context, strict=True)]

        def right(answers: list[str]) -> Any:
            return np.array([exact_match(a, known) for a, known in zip(answers, examples.answers, strict=True)])
    else:
        texts = list(zip(examples.first, *([examples.second] if examples.second else []), strict=True))

        def right(answers: list[str]) -> Any:
            return np.array([examples.label_names.index(a) for a in answers]) == examples.labels

    return Predictor.load(folder, backend=backend), texts, truth, right


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("backend", ["eager", FRAMED])
def test_answers_are_the_trials_recorded_bits(name, padding, backend, runs, tmp_path):
    _compare(runs, name, padding, backend, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
@pytest.mark.parametrize(("name", "padding"), [*(("demo", padding) for padding in PADDINGS), ("squad", "packed")])
def test_compiled_they_are_too_and_nothing_recompiles(name, padding, runs, tmp_path):
    _compare(runs, name, padding, "compile", tmp_path, fail_on_recompile=True)


def _compare(runs, name, padding, backend, tmp_path, fail_on_recompile=False):
    predictor, texts, truth, right = loaded(runs, name, tmp_path / "out", backend, padding=padding)
    if fail_on_recompile:
        torch.compiler.set_stance("fail_on_recompile")
    try:
        _compare_answers(predictor, texts, truth, right)
    finally:
        torch.compiler.set_stance("default")


def _compare_answers(predictor, texts, truth, right):
    assert 0 < truth.mean() < 1, "answers that are all right, or wrong, would prove nothing"
    np.testing.assert_array_equal(right([p.answer for p in predictor.predict(texts)]), truth)
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = [p.answer for p in predictor.predict([texts[i] for i in order])]
    few = [p.answer for begin in range(0, len(texts), 7) for p in predictor.predict(texts[begin : begin + 7])]
    restored = [""] * len(texts)
    for i, answer in zip(order, shuffled, strict=True):
        restored[i] = answer
    np.testing.assert_array_equal(right(restored), truth)
    np.testing.assert_array_equal(right(few), truth)


@pytest.mark.parametrize(
    "values", [{"precision": p} for p in ("bf16", "fp16", "int8")] + [{"padding": "max_length", "max_seq_len": 8}]
)
def test_so_they_are_in_other_precisions_and_full_batches(values, runs, tmp_path):
    predictor, texts, truth, right = loaded(runs, "demo", tmp_path / "out", **{"padding": "packed"} | values)
    np.testing.assert_array_equal(right([p.answer for p in predictor.predict(texts)]), truth)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("name", CASES)
def test_in_the_trials_own_batches_the_logits_are_the_trials_to_the_bit(name, padding, runs, tmp_path):
    run, case = runs[name]
    trial, task = trial_of(case, padding=padding), get_task(case.task)
    labels = () if name == "squad" else task.label_names(task.load("validation", case.data_dir, case.examples))
    files, _ = load_checkpoint(str(weights_folder(run, case.task, case.model, trial.seed)), task.head, labels)
    tokenized = task.tokenize(task.load("validation", case.data_dir, case.examples), case.tokenizer)
    inputs = task.inputs(tokenized, trial.max_seq_len)
    with torch.inference_mode():
        theirs = prepare(trial, cut(trial, from_files(files), CPU), inputs).outputs()
    predictor = loaded(runs, name, tmp_path / "out", padding=padding)[0]
    np.testing.assert_array_equal(predictor.engine.outputs(inputs), theirs)


@pytest.mark.seconds
def test_a_stream_is_answered_in_order_and_in_constant_memory(exported):
    predictor = Predictor.load(exported)
    base = ["the soup was tasty .", "the soup was awful and the room was cold .", "soup"]
    expected = [p.answer for p in predictor.predict(base)]
    taken = 0

    def texts():
        nonlocal taken
        for i in range(8_000):
            taken = i
            yield base[i % 3]

    most = 0
    number = -1
    for number, prediction in enumerate(predictor.stream(texts())):
        assert prediction.answer == expected[number % 3]
        most = max(most, taken - number)
    assert number == 7_999
    assert most < 6 * 1024, "a few chunks are ahead, not all"
    assert predictor.counts.texts == 8_003


@pytest.mark.parametrize("padding", PADDINGS)
def test_batches_that_hold_texts_of_two_chunks_answer_as_any_other(padding, runs, tmp_path):
    run, case = runs["demo"]
    export(find(run, trial_of(case, padding=padding).trial_id), tmp_path / "out")
    predictor = Predictor.load(tmp_path / "out", backend=FRAMED)
    texts = ["the soup was tasty . " * (1 + i % 5) for i in range(150)]
    alone = np.concatenate([predictor.outputs([text]) for text in texts])
    predictor._chunk_texts = 20  # batches have 16
    np.testing.assert_allclose(predictor.outputs(texts), alone, atol=1e-5)


def test_threads_get_their_own_answers(exported):
    predictor = Predictor.load(exported)
    texts = [f"the {word} was tasty ." for word in ("soup", "room", "bread", "fish")] * 30
    alone = [predictor.predict([text] * 9) for text in texts[:4]]
    found: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: predictor.predict([texts[i]] * 9)})) for i in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(24):
        assert [p.answer for p in found[i]] == [p.answer for p in alone[i % 4]]
        assert [p.score for p in found[i]] == pytest.approx([p.score for p in alone[i % 4]], abs=1e-5)


def test_scores_are_probabilities_and_outputs_are_logits(exported):
    predictor = Predictor.load(exported)
    texts = ["the soup was tasty .", "the room was cold ."]
    logits = predictor.outputs(texts)
    shares = torch.softmax(torch.from_numpy(logits), dim=1).max(dim=1).values.tolist()
    assert [p.score for p in predictor.predict(texts)] == pytest.approx(shares, abs=1e-6)
    assert predictor.outputs([]).shape == (0, 2)
    assert predictor.predict([]) == []


def test_a_text_of_100_000_characters_is_cut_and_counted(exported):
    predictor = Predictor.load(exported)
    word = "the soup was tasty . "
    (long,) = predictor.predict([word * 5000])
    (head,) = predictor.predict([word * 10])
    assert long.answer == head.answer
    assert predictor.counts.cut == 2
    assert predictor.counts.tokens == 2 * 24
    with_one_word = predictor.predict(["x" * 100_000])
    assert len(with_one_word) == 1


def test_more_cut_texts_than_in_the_sweep_are_a_warning(exported, caplog):
    predictor = Predictor.load(exported)
    assert predictor.bundle.cut_share == pytest.approx(46 / 120)
    predictor.predict(["the soup was tasty . " * 10] * 999)
    assert "were cut" not in caplog.text
    predictor.predict(["the soup was tasty . " * 10] * 1000)
    assert "100.0 % of the texts are longer than 24 tokens and were cut" in caplog.text


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([""], "text 0: text is empty"),
        (["a", " \t"], "text 1: text is empty"),
        (["a", None], "text 1 must be text, as strings, but is 'None'"),
        ([("a", "b")], "text 0 must be text, as strings, but is "),
        (["a \ud83d"], "half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused_by_its_number(texts, said, exported):
    with pytest.raises(UsageError, match=said):
        Predictor.load(exported).predict(texts)


def test_answers_before_a_bad_text_are_given(exported):
    predictor = Predictor.load(exported)
    stream = predictor.stream(["soup"] * 1500 + [""])
    for _ in range(1500):
        next(stream)
    with pytest.raises(UsageError, match="text 1500"):
        next(stream)


def test_answers_before_the_texts_break_off_are_given(exported):
    def texts():
        yield from ["soup"] * 1500
        raise ConnectionError("the file is on another machine")

    stream = Predictor.load(exported).stream(texts())
    for _ in range(1500):
        next(stream)
    with pytest.raises(ConnectionError, match="another machine"):
        next(stream)


@pytest.mark.parametrize("backend", ["eager", FRAMED])
def test_answers_before_a_text_at_which_the_tokenizer_fails_are_given(backend, exported, monkeypatch):
    def failing(texts, tokenizer):
        if "poison" in texts:
            raise UsageError("a tokenizer must encode any text, but this one cannot")
        return token_ids(texts, tokenizer)

    predictor = Predictor.load(exported, backend=backend)
    texts = [f"the soup was {'tasty' if i % 3 else 'bland and cold'} ." for i in range(9000)]
    known = predictor.predict(texts)
    token_ids = classification.token_ids
    monkeypatch.setattr(classification, "token_ids", failing)
    for at in (0, 1, 700, 1024, 5000, 8999):
        given, stream = [], predictor.stream([*texts[:at], "poison", *texts[at + 1 :], "poison"])
        with pytest.raises(UsageError, match="must encode any text"):
            given.extend(stream)  # what came before the error is kept
        assert [p.answer for p in given] == [p.answer for p in known[:at]], at


def test_nothing_is_built_after_loading(exported, monkeypatch):
    predictor = Predictor.load(exported, backend=FRAMED)
    monkeypatch.setattr(backends, "build", lambda *_: pytest.fail("built again"))
    for length in (1, 3, 9, 30):
        for count in (1, 5, 16, 40):
            predictor.predict(["the soup was tasty . " * length] * count)


def test_what_differs_from_the_trial_is_said(exported):
    predictor = Predictor.load(exported)
    assert any("measured on constant meter, running on" in said for said in predictor.differences)
    assert predictor.engine.trial.backend == "eager"


def test_a_packed_batch_takes_its_tokens_also_of_short_texts(exported):
    frames = Predictor.load(exported, backend=FRAMED).engine._frames
    largest = max(frames.shapes, key=lambda shape: shape.tokens)
    planned, chosen = frames.plan(np.full(64, largest.width // 24))
    assert [len(rows) for rows in planned.batches] == [24, 24, 16], "the trial's batches have 16"
    assert planned.width[0] == largest.width
    assert [frames.shapes[i].rows for i in chosen][:2] == [32, 32]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
def test_two_compiled_predictors_answer_in_one_process(exported):
    one = Predictor.load(exported, backend="compile")
    texts = ["the soup was tasty .", "the room was cold ."] * 9
    first = one.outputs(texts)
    other = Predictor.load(exported, backend="compile")
    torch.compiler.set_stance("fail_on_recompile")
    try:
        for predictor in (one, other, one):
            np.testing.assert_array_equal(predictor.outputs(texts), first)
    finally:
        torch.compiler.set_stance("default")


def test_a_recipe_is_not_run_as_something_else_unasked():
    trial = TrialConfig("sst2", "tiny", 0, 16, 1, "bf16", padding="packed", backend="fused_tanh")
    with pytest.raises(UsageError, match=r"fused_tanh must run on a CUDA device \(GELU by .*--backend eager"):
        fitted(trial, torch.device("cpu"))
    assert fitted(trial, torch.device("cpu"), "eager").backend == "eager"
    assert fitted(replace(trial, backend="fused"), torch.device("cpu")).backend == "eager"
