"""Tasks of the GLUE benchmark (Wang et al. 2018): from the hub, or from local files of the same columns."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainables.tasks.base import Split
from trainables.tasks.classification import ClassificationTask, Examples
from trainables.tasks.hub import load_from_hub
from trainables.tasks.tsv_file import FILES, read_tsv


@dataclass(frozen=True)
class GlueSource:
    """`nyu-mll/glue` on the hub, or train.tsv and dev.tsv. (GLUE's test split has no labels.)"""

    config: str
    text_columns: tuple[str, ...]
    label_names: tuple[str, ...]

    def __call__(self, split: Split, data_dir: Path | None) -> Examples:
        if data_dir is None:
            return self._from_hub(split)
        table = read_tsv(data_dir / FILES[split])
        table.require((*self.text_columns, "label"))
        texts = [table.texts(column) for column in self.text_columns]
        return self._examples(texts, table.labels(self.label_names))

    def _from_hub(self, split: Split) -> Examples:
        data = load_from_hub("nyu-mll/glue", self.config, split)
        return self._examples([tuple(data[column]) for column in self.text_columns], list(data["label"]))

    def _examples(self, texts: list[tuple[str, ...]], labels: list[int]) -> Examples:
        second = texts[1] if len(texts) == 2 else None
        return Examples(texts[0], second, np.array(labels, dtype=np.int64), self.label_names)


def _glue(
    name: str, texts: tuple[str, ...], label_names: tuple[str, ...], metrics: tuple[str, ...] = ("accuracy",)
) -> ClassificationTask:
    return ClassificationTask(name, GlueSource(name, texts, label_names), metrics, texts=texts)


# Sentiment of film-review phrases (Socher et al. 2013).
SST2 = _glue("sst2", ("sentence",), ("negative", "positive"))

# Quora question pairs. 37 % of the pairs are duplicates, hence F1 beside accuracy.
QQP = _glue("qqp", ("question1", "question2"), ("not_duplicate", "duplicate"), ("accuracy", "f1"))
