"""The user's own classification data: train.tsv and dev.tsv with a text, or a pair of texts, and a label."""

from pathlib import Path

import numpy as np

from search_spaces.errors import UsageError, check
from trainables.tasks.base import Split
from trainables.tasks.classification import COLUMNS, ClassificationTask, Examples
from trainables.tasks.tsv_file import FILES, read_tsv


def tsv_source(split: Split, data_dir: Path | None) -> Examples:
    """The training file says which labels there are; a folder without one is good for evaluation only."""
    if data_dir is None:
        raise UsageError("the task tsv reads local files; give their folder with --data-dir DIR")
    table = read_tsv(data_dir / FILES[split])
    columns = table.require(*COLUMNS)
    train, train_path = table, data_dir / FILES["train"]
    if split != "train" and train_path.is_file():
        train = read_tsv(train_path)
        theirs = train.require(*COLUMNS)
        check(
            theirs == columns,
            f"{table.path}:1: the files must have the same columns, and {train_path.name} has {', '.join(theirs)}",
            ", ".join(columns),
            "rename columns so that both files mean the same",
        )
    names = train.label_names()
    first, *second = (table.texts(column) for column in columns[:-1])
    return Examples(first, second[0] if second else None, np.array(table.labels(names), dtype=np.int64), names)


TSV = ClassificationTask("tsv", tsv_source)
