"""docs/tasks.md: its code runs and does what the page says; its table is the code's."""

import re
from pathlib import Path

import numpy as np
import pytest

from search_spaces.errors import UsageError
from trainables.tasks import TASKS, get_task
from trainables.tasks.base import Task
from trainables.tasks.squad import MAX_ANSWER_TOKENS, MAX_QUESTION_TOKENS, OVERLAP_TOKENS
from trainables.tasks.squad_data import LEFT_OUT

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "tasks.md").read_text(encoding="utf-8")


def code(first_line: str) -> str:
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if b.startswith(first_line)]
    return block


def test_every_task_and_member_is_documented() -> None:
    for name in TASKS:
        assert f"| `{name}` |" in PAGE
    serving = ("text_columns", "examples_of", "cut_short", "answers")
    for member in ("load", "label_names", "tokenize", "remarks", "inputs", "train_targets", "score", *serving):
        assert hasattr(Task, member)
        assert f"| `{member}(" in PAGE
    for number in (OVERLAP_TOKENS, MAX_QUESTION_TOKENS, MAX_ANSWER_TOKENS):
        assert re.search(rf"\b{number} tokens", PAGE)
    assert LEFT_OUT in PAGE


def test_the_tickets_are_data_of_the_task_tsv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(code("# tickets.py"), {})  # noqa: S102 (our own page)
    task = get_task("tsv")
    train, dev = (task.load(split, tmp_path / "tickets", None) for split in ("train", "validation"))
    assert (len(train), len(dev)) == (132, 300)
    assert "432 support tickets" in PAGE
    assert task.label_names(dev) == ("0", "1", "2")
    lines = (tmp_path / "tickets" / "dev.tsv").read_text().splitlines(keepends=True)
    lines[2] = "a text\tbilling\n"
    (tmp_path / "tickets" / "dev.tsv").write_text("".join(lines))
    with pytest.raises(UsageError) as mistake:
        task.load("validation", Path("tickets"), None)
    assert f"    error: {mistake.value}\n" in PAGE


def test_the_example_of_a_new_task_is_one(tmp_path: Path) -> None:
    space: dict[str, object] = {}
    exec(code("# trainables/tasks/reviews.py"), space)  # noqa: S102 (our own page)
    task: Task = space["REVIEWS"]  # type: ignore[assignment]
    (tmp_path / "train.txt").write_text("5 a fine kettle\n1 it leaks\n")
    examples = task.load("train", tmp_path, None)
    assert examples.first == ("a fine kettle", "it leaks")
    assert np.array_equal(examples.labels, [4, 0])
    assert task.label_names(examples) == tuple("12345")
    (tmp_path / "train.txt").write_text("5 a fine kettle\nsix stars\n")
    with pytest.raises(UsageError, match=r"train.txt:2: a line must be STARS TEXT, but got 'six stars'"):
        task.load("train", tmp_path, None)
    with pytest.raises(UsageError, match="--data-dir"):
        task.load("train", None, None)
