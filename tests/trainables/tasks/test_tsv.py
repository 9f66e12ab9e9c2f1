"""The user's own data: columns, labels read from the files, and what is said about mistakes."""

from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from trainables.tasks import get_task

TSV = get_task("tsv")


def write(folder: Path, train: str | None, dev: str | None) -> Path:
    for name, content in (("train.tsv", train), ("dev.tsv", dev)):
        if content is not None:
            (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("column", ["text", "sentence"])
def test_single_texts(tmp_path: Path, column: str) -> None:
    write(tmp_path, f"{column}\tlabel\na\t0\nb\t2\nc\t1\n", f"{column}\tlabel\nd\t1\n")
    train, dev = TSV.load("train", tmp_path, None), TSV.load("validation", tmp_path, None)
    assert (train.first, train.second, train.labels.tolist()) == (("a", "b", "c"), None, [0, 2, 1])
    assert (dev.first, dev.labels.tolist()) == (("d",), [1])
    assert TSV.num_labels(train) == TSV.num_labels(dev) == 3


def test_pairs(tmp_path: Path) -> None:
    content = "label\ttext1\tnote\ttext2\n0\ta\t\tb\n1\tc\tx\td\n"
    train = TSV.load("train", write(tmp_path, content, content), None)
    assert (train.first, train.second) == (("a", "c"), ("b", "d"))


def test_the_number_of_labels_does_not_depend_on_the_limit(tmp_path: Path) -> None:
    write(tmp_path, "text\tlabel\na\t0\nb\t1\nc\t2\n", None)
    assert TSV.num_labels(TSV.load("train", tmp_path, 1)) == 3


def test_without_a_training_file_the_evaluation_file_says_the_labels(tmp_path: Path) -> None:
    write(tmp_path, None, "text\tlabel\na\t0\nb\t1\n")
    assert TSV.num_labels(TSV.load("validation", tmp_path, None)) == 2


@pytest.mark.parametrize(
    ("train", "dev", "message"),
    [
        ("text\tlabel\na\t0\nb\t2\n", "text\tlabel\na\t0\n", r"train.tsv: the labels must be 0..n-1.*got \[0, 2\]"),
        ("text\tlabel\na\t1\nb\t2\n", "text\tlabel\na\t1\n", r"train.tsv: the labels must be 0..n-1"),
        ("text\tlabel\na\t0\nb\t0\n", "text\tlabel\na\t0\n", r"train.tsv: the labels must be .* two or more"),
        ("text\tlabel\na\t0\nb\t1\n", "text\tlabel\na\t0\nb\t2\n", r"dev.tsv:3: label must be an integer 0..1"),
        ("text\tlabel\na\t0\nb\tx\n", "text\tlabel\na\t0\n", r"train.tsv:3: label must be an integer 0..n-1"),
        (
            "text\tlabel\na\t0\nb\t1\n",
            "text\na\n",
            r"dev.tsv:1: .*text, label or sentence, label or text1, text2, label",
        ),
        ("text\tlabel\na\t0\nb\t1\n", "text1\ttext2\tlabel\na\t\t0\n", r"dev.tsv:2: text2 is empty"),
        ("text\tlabel\na\t0\nb\t1\n", None, r"dev.tsv does not exist"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, train: str, dev: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TSV.load("validation", write(tmp_path, train, dev), None)


def test_the_folder_is_needed() -> None:
    with pytest.raises(UsageError, match="--data-dir"):
        TSV.load("train", None, None)
