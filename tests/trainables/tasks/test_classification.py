"""Truncation and special tokens against Hugging Face tokenizers, scores against hand-worked numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.errors import UsageError
from trainables.tasks import get_task
from trainables.tasks.base import Ragged
from trainables.tasks.classification import ClassificationTask, Examples, f1
from trainables.tasks.special_tokens import SpecialTokens, check_encoding
from trainables.tasks.squad import SQUAD
from trainables.tasks.squad_data import Question, collect
from trainables.tasks.truncation import longest_first

SHARED = Path(__file__).resolve().parents[4] / "shared"
LENGTHS = (8, 9, 10, 11, 12, 13, 16, 24, 31, 32, 48, 64, 127, 128, 512)
SENTENCE = "a bright red kettle sings while unbelievably old trams rattle past 1,234 cafés ; isn't it ?"
WORDS = SENTENCE.split()


@pytest.fixture(scope="module")
def minilm() -> Any:
    path = SHARED / "models" / "minilm-l6"
    if not path.is_dir():
        pytest.skip(f"no real tokenizer at {path}")
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path)


def word_tokenizer(single: str, pair: str, special: list[str], *, token_types: bool) -> Any:
    """A tokenizer of an architecture's template over the words of this file."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    vocabulary = {t: i for i, t in enumerate(["<pad>", "<unk>", *special, *WORDS])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single=single, pair=pair, special_tokens=[(t, vocabulary[t]) for t in special]
    )
    names = ["input_ids", "token_type_ids", "attention_mask"] if token_types else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", model_input_names=names
    )


def bert() -> Any:
    return word_tokenizer("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ["[CLS]", "[SEP]"], token_types=True)


def roberta() -> Any:
    return word_tokenizer("<s> $A </s>", "<s> $A </s> </s> $B </s>", ["<s>", "</s>"], token_types=False)


def distilbert() -> Any:
    return word_tokenizer("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ["[CLS]", "[SEP]"], token_types=False)


def byte_level_roberta() -> Any:
    """Byte-level pieces, a space belonging to the word after it, as RoBERTa and ModernBERT have them."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.processors import RobertaProcessing
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>"]
    trainer = BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([SENTENCE], trainer)
    tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", model_input_names=["input_ids", "attention_mask"]
    )


def texts(seed: int, n: int, longest: int) -> tuple[str, ...]:
    rng = np.random.default_rng(seed)
    return tuple(" ".join(rng.choice(WORDS, rng.integers(1, longest + 1))) for _ in range(n))


def examples(first: tuple[str, ...], second: tuple[str, ...] | None) -> Examples:
    return Examples(first, second, np.zeros(len(first), dtype=np.int64), 2)


def assert_equals_tokenizer(tokenizer: Any, first: tuple[str, ...], second: tuple[str, ...] | None) -> None:
    task = get_task("sst2")
    tokenized = task.tokenize(examples(first, second), tokenizer)
    for max_seq_len in LENGTHS:
        inputs = task.inputs(tokenized, max_seq_len)
        pairs = list(zip(first, second, strict=True)) if second else list(first)
        expected = tokenizer(pairs, truncation="longest_first", max_length=max_seq_len)
        assert [list(inputs.ids[i]) for i in range(len(first))] == expected["input_ids"]
        assert inputs.ids.lengths.max() <= max_seq_len
        if "token_type_ids" in tokenizer.model_input_names:
            assert inputs.token_types is not None
            assert [list(inputs.token_types[i]) for i in range(len(first))] == expected["token_type_ids"]
        else:
            assert inputs.token_types is None


@pytest.mark.parametrize("make", [bert, roberta, distilbert, byte_level_roberta])
@pytest.mark.parametrize("pair", [False, True])
def test_inputs_equal_the_tokenizer_s(make: Any, pair: bool) -> None:
    assert_equals_tokenizer(make(), texts(1, 50, 90), texts(2, 50, 90) if pair else None)


@pytest.mark.parametrize("pair", [False, True])
def test_inputs_equal_those_of_a_real_bert_tokenizer(minilm: Any, pair: bool) -> None:
    assert_equals_tokenizer(minilm, texts(3, 50, 90), texts(4, 50, 90) if pair else None)


def test_tokenising_texts_beyond_the_model_s_limit_does_not_warn(minilm: Any, capfd: pytest.CaptureFixture) -> None:
    long_text = ("kettle " * 700,)
    tokenized = get_task("sst2").tokenize(examples(long_text, None), minilm)
    assert tokenized.first.lengths.tolist() == [700]
    assert "longer than" not in capfd.readouterr().err


def test_special_tokens_of_roberta_pairs() -> None:
    special = SpecialTokens.of(roberta(), pair=True)
    assert special == SpecialTokens(before=(2,), between=(3, 3), after=(3,), types=None)


def test_special_tokens_of_bert() -> None:
    assert SpecialTokens.of(bert(), pair=True) == SpecialTokens((2,), (3,), (3,), (0, 0, 0, 1, 1))
    assert SpecialTokens.of(bert(), pair=False) == SpecialTokens((2,), (), (3,), (0, 0, 0, 0, 0))


def few_letters(template: str = "[CLS] $A [SEP]") -> Any:
    """Knows the letters of "film" and nothing else, the letter a neither; what it does not know leaves no trace."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[CLS]", "[SEP]", *"film"])}
    made = Tokenizer(BPE(vocabulary, []))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(
        single=template,
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, vocabulary[t]) for t in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]")


@pytest.mark.parametrize("pair", [False, True])
def test_a_tokenizer_that_does_not_know_the_letter_a(pair: bool) -> None:
    first = ("film", "a film", "x", "il")
    assert_equals_tokenizer(few_letters(), first, first[::-1] if pair else None)


class Silent:
    """A tokenizer for which no text leaves a token."""

    def get_vocab(self) -> dict[str, int]:
        return {"a": 0}

    def decode(self, ids: list[int]) -> str:
        return "a"

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": []}


def test_a_tokenizer_that_knows_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="must know at least one text"):
        SpecialTokens.of(Silent(), pair=False)


def test_a_layout_that_depends_on_the_text_is_refused() -> None:
    special, tokenizer = SpecialTokens.of(few_letters(), pair=False), few_letters("$A [SEP]")
    parts = [Ragged.from_lists([[3, 4], [5]])]
    with pytest.raises(UsageError, match=r"around them .* got \"3 tokens where 4 were expected, for 'fi'"):
        check_encoding(special, tokenizer, [["fi", "l"]], parts)
    check_encoding(special, few_letters(), [["fi", "l"]], parts)


def test_an_example_without_a_token_is_refused() -> None:
    with pytest.raises(UsageError, match=r"must leave at least one token, but got 'x y'"):
        get_task("sst2").tokenize(examples(("film", "x y"), None), few_letters("$A"))
    assert get_task("sst2").tokenize(examples(("film", "x y"), None), few_letters()).first.lengths.tolist() == [4, 0]


def test_a_text_that_cannot_be_encoded_is_one_line() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordPiece({"[PAD]": 0, "a": 1})), pad_token="[PAD]")
    with pytest.raises(UsageError, match=r"this one cannot \(WordPiece error: Missing \[UNK\]"):
        get_task("sst2").tokenize(examples(("a", "film"), None), tokenizer)


@pytest.mark.parametrize(
    ("first", "second", "room", "kept"),
    [
        (3, 4, 10, (3, 4)),  # fits
        (2, 20, 10, (2, 8)),  # only the longer is cut
        (20, 2, 10, (8, 2)),
        (20, 30, 10, (5, 5)),  # both share the room
        (20, 30, 11, (5, 6)),  # the odd token goes to the longer
        (30, 20, 11, (6, 5)),
        (20, 20, 11, (5, 6)),  # equally long: to the second
        (6, 9, 11, (5, 6)),
    ],
)
def test_longest_first(first: int, second: int, room: int, kept: tuple[int, int]) -> None:
    lengths = longest_first(np.array([first]), np.array([second]), room)
    assert (int(lengths[0][0]), int(lengths[1][0])) == kept


def test_byte_level_offsets_give_answers_without_the_space_before() -> None:
    question = Question("q", "a kettle ?", SENTENCE, ("old trams",), SENTENCE.index("old trams"))
    tokenized = SQUAD.tokenize(collect([question]), byte_level_roberta())
    windows = SQUAD.inputs(tokenized, 512)
    targets = SQUAD.train_targets(tokenized, windows)
    outputs = np.zeros((1, 512, 2), dtype=np.float32)
    outputs[0, targets["start_positions"][0], 0] = outputs[0, targets["end_positions"][0], 1] = 9.0
    assert SQUAD.answers(outputs, tokenized, windows)[0] == ["old trams"]


def test_ragged_slices_and_join() -> None:
    ragged = Ragged.from_lists([[1, 2, 3], [], [4, 5]])
    cut = ragged.slices(np.array([2, 0, 0]), np.array([1, 0, 1]), np.array([1, 2, 0]))
    assert [cut[i].tolist() for i in range(3)] == [[5], [1, 2], []]
    joined = Ragged.join(ragged, cut)
    assert [joined[i].tolist() for i in range(3)] == [[1, 2, 3, 5], [1, 2], [4, 5]]


def scored(task: ClassificationTask, logits: list[list[float]], labels: list[int]) -> Any:
    data = Examples(("x",) * len(labels), ("y",) * len(labels), np.array(labels), 2)
    tokenized = task.tokenize(data, bert())
    return task.score(np.array(logits, dtype=np.float32), tokenized, task.inputs(tokenized, 8))


def test_accuracy_and_f1_by_hand() -> None:
    # predicted 1 1 1 0 0 against 1 0 1 1 0: 3 of 5 right, 2 true and 1 false positives, 1 false negative
    logits = [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    scores = scored(get_task("qqp"), logits, [1, 0, 1, 1, 0])  # type: ignore[arg-type]
    assert scores.metrics == {"accuracy": 0.6, "f1": pytest.approx(2 / 3)}
    assert scores.correct.tolist() == [True, False, True, False, True]


def test_a_nan_logit_is_wrong() -> None:
    scores = scored(get_task("sst2"), [[np.nan, 0.0], [1.0, 0.0]], [0, 0])  # type: ignore[arg-type]
    assert scores.metrics == {"accuracy": 0.5}


def test_f1_without_positives_is_zero() -> None:
    none = np.zeros(3, dtype=bool)
    assert f1(none, none) == 0.0


def test_train_targets_and_limit() -> None:
    task = get_task("sst2")
    data = Examples(("a", "bright", "red"), None, np.array([1, 0, 1]), 2)
    tokenized = task.tokenize(data, bert())
    assert task.train_targets(tokenized, task.inputs(tokenized, 8))["labels"].tolist() == [1, 0, 1]
    assert len(data.head(2)) == 2
    assert len(data.head(9)) == 3
    with pytest.raises(UsageError, match="at least 1, but got 0"):
        data.head(0)


def test_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"one of demo, sst2, qqp.*but got 'sst-2'"):
        get_task("sst-2")


def write(path: Path, content: bytes) -> Path:
    path.mkdir(exist_ok=True)
    for name in ("train.tsv", "dev.tsv"):
        (path / name).write_bytes(content)
    return path


def test_local_files(tmp_path: Path) -> None:
    content = 'label\tquestion2\tquestion1\n1\tsecond "\t"first\r\n0\té\tx\u2028y\n'
    data = get_task("qqp").load("train", write(tmp_path / "d", content.encode()), None)
    assert data.first == ('"first', "x\u2028y")
    assert data.second == ('second "', "é")
    assert data.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\tlabel\nfine\t1\n", r"dev.tsv:1: .*columns sentence, label.*but got 'text, label'"),
        (b"sentence\tscore\nfine\t1\n", r"dev.tsv:1: .*but got 'sentence, score'; add or rename"),
        (b"", r"dev.tsv holds no examples"),
        (b"sentence\tlabel\n", r"dev.tsv holds no examples"),
        (b"sentence\tlabel\nfine\t1\nbad\t1\tx\n", r"dev.tsv:3: .*2 fields.*but got 3"),
        (b"sentence\tlabel\nfine\t1\n\nbad\t1\n", r"dev.tsv:3: .*2 fields.*but got 1"),
        (b"sentence\tlabel\nfine\t-1\n", r"dev.tsv:2: label must be one of 0, 1"),
        (b"sentence\tlabel\nfine\t\n", r"dev.tsv:2: label must be one of negative, positive, but got ''"),
        (b"sentence\tlabel\nfine\t2\n", r"dev.tsv:2: label must be one of 0, 1, but got '2'"),
        (b"sentence\tlabel\n \t1\n", r"dev.tsv:2: sentence is empty"),
        (b"sentence\tlabel\nfine\t1\ncaf\xe9\t1\n", r"dev.tsv:3: not UTF-8 .*; save the file as UTF-8"),
        (b"sentence,label\nfine,1\n", r"dev.tsv:1: .*; it is comma-separated: save it as text with tabs"),
        (b"sentence;label\nfine;1\n", r"dev.tsv:1: .*; it is semicolon-separated: save it as text with tabs"),
    ],
)
def test_malformed_files_name_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_task("sst2").load("validation", write(tmp_path / "d", content), None)


def test_one_empty_side_of_a_pair(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", b"question1\tquestion2\tlabel\nwhy?\t\t0\n")
    with pytest.raises(UsageError, match=r"train.tsv:2: question2 is empty"):
        get_task("qqp").load("train", folder, None)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train.tsv does not exist; .* dev.tsv"):
        get_task("sst2").load("train", tmp_path, None)


def test_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked = []

    def load_dataset(*args: Any, **kwargs: Any) -> Any:
        asked.append((args, kwargs))
        return datasets.Dataset.from_dict({"sentence": ["fine", "poor"], "label": [1, 0], "idx": [0, 1]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    data = get_task("sst2").load("validation", None, 1)
    assert asked == [(("nyu-mll/glue", "sst2"), {"split": "validation"})]
    assert (data.first, data.second, data.labels.tolist(), data.label_names) == (
        ("fine",),
        None,
        [1],
        ("negative", "positive"),
    )


def test_unreachable_hub_points_to_local_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load_dataset(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("Couldn't reach the Hub\nmore")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(UsageError, match=r"ConnectionError: Couldn't reach the Hub; .*--data-dir"):
        get_task("qqp").load("train", None, None)
