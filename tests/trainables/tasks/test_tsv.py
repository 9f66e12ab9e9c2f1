"""The user's own data: columns, labels read from the files, and what is said about mistakes."""

import csv
from pathlib import Path

import pandas as pd
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
    assert TSV.label_names(train) == TSV.label_names(dev) == ("0", "1", "2")


def test_pairs(tmp_path: Path) -> None:
    content = "label\ttext1\tnote\ttext2\n0\ta\t\tb\n1\tc\tx\td\n"
    train = TSV.load("train", write(tmp_path, content, content), None)
    assert (train.first, train.second) == (("a", "c"), ("b", "d"))


def test_the_number_of_labels_does_not_depend_on_the_limit(tmp_path: Path) -> None:
    write(tmp_path, "text\tlabel\na\t0\nb\t1\nc\t2\n", None)
    assert len(TSV.label_names(TSV.load("train", tmp_path, 1))) == 3


def test_without_a_training_file_the_evaluation_file_says_the_labels(tmp_path: Path) -> None:
    write(tmp_path, None, "text\tlabel\na\t0\nb\t1\n")
    assert TSV.label_names(TSV.load("validation", tmp_path, None)) == ("0", "1")


@pytest.mark.parametrize(
    ("train", "dev", "message"),
    [
        ("text\tlabel\na\t0\nb\t2\n", "text\tlabel\na\t0\n", r"train.tsv: the labels must be 0..n-1.*got \['0', '2'\]"),
        ("text\tlabel\na\t1\nb\t2\n", "text\tlabel\na\t1\n", r"train.tsv: the labels must be 0..n-1"),
        ("text\tlabel\na\t0\nb\t0\n", "text\tlabel\na\t0\n", r"train.tsv: the labels must be .* two or more"),
        ("text\tlabel\na\t0\nb\t1\n", "text\tlabel\na\t0\nb\t2\n", r"dev.tsv:3: label must be one of 0, 1"),
        (
            "text\tlabel\na\t0\nb\tx\n",
            "text\tlabel\na\t0\n",
            r"train.tsv:3: the labels must be all numbers from 0 or all",
        ),
        (
            "text\tlabel\na\t0\nb\t1\n",
            "text\na\n",
            r"dev.tsv:1: .*text, label or sentence, label or text1, text2, label",
        ),
        ("text1\ttext2\tlabel\na\tb\t0\nb\tc\t1\n", "text1\ttext2\tlabel\na\t\t0\n", r"dev.tsv:2: text2 is empty"),
        ("text\tlabel\na\t0\nb\t1\n", None, r"dev.tsv does not exist"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, train: str, dev: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TSV.load("validation", write(tmp_path, train, dev), None)


def test_a_file_without_a_header_is_one_short_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dev.tsv:1: the header line must name the columns") as told:
        TSV.load("validation", write(tmp_path, None, "a very long text " * 500 + "\t1\nb\t0\n"))
    assert len(str(told.value)) < 1000


def test_the_folder_is_needed() -> None:
    with pytest.raises(UsageError, match="--data-dir"):
        TSV.load("train", None, None)


def test_quotes_of_the_text_are_text(tmp_path: Path) -> None:
    """GLUE's files do not quote: what looks like it is somebody's punctuation."""
    texts = ['"Wow"', 'he said "fine"', '"a" and ""b""', '"""quoted"" at once', "it is 5'10\"", '"', '""']
    content = "text\tlabel\n" + "".join(f"{text}\t{i % 2}\n" for i, text in enumerate(texts))
    assert TSV.load("train", write(tmp_path, content, None)).first == tuple(texts)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_that_pandas_wrote_is_read_as_it_was_meant(tmp_path: Path, quoting: int, line_end: str) -> None:
    texts = ['He said "fine" and left', "plain", "two\nlines", 'only "', "a\ttab"]
    frame = pd.DataFrame({"text": texts, "label": [1, 0, 1, 0, 1]})
    frame.to_csv(tmp_path / "train.tsv", sep="\t", index=False, quoting=quoting, lineterminator=line_end)  # type: ignore[call-overload]
    train = TSV.load("train", tmp_path)
    assert (train.first, train.labels.tolist()) == (tuple(texts), [1, 0, 1, 0, 1])


def test_a_file_that_a_spreadsheet_wrote_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """It quotes fields with commas, too, and marks the file as UTF-8."""
    content = '\ufefftext\tlabel\r\n"well, ""yes"""\t1\r\nplain\t0\r\n"a, b"\t0\r\n'
    (tmp_path / "train.tsv").write_bytes(content.encode())
    assert TSV.load("train", tmp_path).first == ('well, "yes"', "plain", "a, b")


def test_lines_of_a_quoted_file_are_those_of_the_editor(tmp_path: Path) -> None:
    content = 'text\tlabel\n"two\nlines"\t0\n"say ""b"""\t\n'
    with pytest.raises(UsageError, match=r"train.tsv:4: the labels must be all numbers"):
        TSV.load("train", write(tmp_path, content, None))


def test_classes_may_have_names(tmp_path: Path) -> None:
    write(tmp_path, "text\tlabel\na\tspam\nb\tham\nc\tspam\n", "text\tlabel\nd\tham\n")
    train, dev = TSV.load("train", tmp_path), TSV.load("validation", tmp_path)
    assert TSV.label_names(train) == TSV.label_names(dev) == ("ham", "spam")
    assert (train.labels.tolist(), dev.labels.tolist()) == ([1, 0, 1], [0])


@pytest.mark.parametrize(
    ("train", "dev", "message"),
    [
        ("text\tlabel\tlabel\na\t0\t1\nb\t1\t0\n", "text\tlabel\na\t0\n", "train.tsv:1: a column must be named once"),
        ("text\tlabel\na\t0\nb\t1\n", "text1\ttext2\tlabel\na\tb\t0\n", "dev.tsv:1: .* same columns"),
        ("text\tlabel\na\tyes\nb\tYes\nc\tno\n", "text\tlabel\na\tno\n", "two classes must differ in more than case"),
        ("text\tlabel\na\tyes\nb\tno\n", "text\tlabel\na\tmaybe\n", "label must be one of no, yes, but got 'maybe'"),
        ("text\tlabel\na\t0.5\nb\t1.5\n", "text\tlabel\na\t0.5\n", "the labels must be 0..n-1.*regression"),
        ("text\tlabel\na\t-1\nb\t1\n", "text\tlabel\na\t1\n", "the labels must be 0..n-1"),
        ("text\tlabel\na\tyes\nb\tyes\n", "text\tlabel\na\tyes\n", "must be two or more classes"),
    ],
)  # fmt: skip
def test_columns_and_classes_that_could_be_mistaken_are_refused(
    tmp_path: Path, train: str, dev: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        TSV.load("validation", write(tmp_path, train, dev))


def test_glue_files_may_have_the_names_of_the_classes(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\na\tpositive\nb\tnegative\n")
    assert get_task("sst2").load("validation", tmp_path, None).labels.tolist() == [1, 0]
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\na\tpositive\nb\t0\n")
    with pytest.raises(UsageError, match=r"dev.tsv:3: label must be one of negative, positive, but got '0'"):
        get_task("sst2").load("validation", tmp_path, None)
