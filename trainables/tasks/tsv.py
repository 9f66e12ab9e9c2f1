"""The user's own classification data: train.tsv and dev.tsv with a text, or a pair of texts, and a label."""

from pathlib import Path

import numpy as np

from search_spaces.errors import UsageError, check
from trainables.tasks.base import Split
from trainables.tasks.classification import ClassificationTask, Examples
from trainables.tasks.tsv_file import FILES, Table, read_tsv

COLUMNS = (("text", "label"), ("sentence", "label"), ("text1", "text2", "label"))


def tsv_source(split: Split, data_dir: Path | None) -> Examples:
    """The training file says how many labels there are; a folder without one is good for evaluation only."""
    if data_dir is None:
        raise UsageError("the task tsv reads local files; give their folder with --data-dir DIR")
    table = _read(data_dir / FILES[split])
    train_path = data_dir / FILES["train"]
    num_labels = _num_labels(_read(train_path) if split != "train" and train_path.is_file() else table)
    first, *second = (table.texts(column) for column in table.require(*COLUMNS)[:-1])
    labels = np.array(table.labels(num_labels), dtype=np.int64)
    return Examples(first, second[0] if second else None, labels, num_labels)


TSV = ClassificationTask("tsv", tsv_source)


def _read(path: Path) -> Table:
    table = read_tsv(path)
    table.require(*COLUMNS)
    return table


def _num_labels(table: Table) -> int:
    found = sorted(set(table.labels()))
    check(
        found == list(range(len(found))) and len(found) >= 2,
        f"{table.path}: the labels must be 0..n-1, two or more, each with at least one example",
        found,
        "number the classes from 0 without gaps",
    )
    return len(found)
