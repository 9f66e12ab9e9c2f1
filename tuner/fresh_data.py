"""Labelled examples that nothing was chosen by: on them one comparison is left, the choice with the baseline.

An example that the evaluation set has, too, helped to choose; one that was trained on is answered right by both. Either
would make the comparison say more than it knows, so they are left out and counted, and so is what the file repeats.
What is left out follows from the texts alone, never from an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError, check
from trainables.digest import digest_of
from trainables.rows.choice import read_choices
from trainables.tasks.base import Task
from trainables.tasks.token_cache import tokenized
from trainables.worker import FreshData


@dataclass(frozen=True)
class ConfirmData:
    """The fresh examples of a run, and what of the file was left out: rule -> examples."""

    file: str
    data: FreshData
    left_out: dict[str, int]

    def record(self) -> dict[str, Any]:
        """What a choice keeps of them."""
        found = {"file": self.file, "digest": self.data.digest, "examples": self.data.examples}
        return found | {"left_out": self.left_out}

    def words(self) -> str:
        """ "1,000 fresh examples of new.tsv (12 left out: in the evaluation set)"."""
        left = "; ".join(f"{count} left out: {rule}" for rule, count in self.left_out.items())
        return f"{self.data.examples} fresh examples of {self.file}" + (f" ({left})" if left else "")


def read_fresh(path: Path, task: Task, evaluation: Any, train: Any | None, tokenizer: Any) -> ConfirmData:
    """The examples of a file that neither the evaluation set nor the training set holds.

    UsageError for a file that is missing, malformed, or labelled otherwise, and where none is left.
    """
    check(path.is_file(), "--confirm-data must be a file", str(path), "give one like the task's evaluation file")
    found = task.load_file(path, evaluation)
    known = {"in the evaluation set": _texts(evaluation), "trained on": _texts(train) if train is not None else set()}
    seen: set[tuple[str, ...]] = set()
    left_out: dict[str, int] = {}
    kept = []
    for row, text in enumerate(map(_plain, found.texts())):
        rule = next((name for name, texts in known.items() if text in texts), "repeated" if text in seen else None)
        seen.add(text)
        if rule is None:
            kept.append(row)
        else:
            left_out[rule] = left_out.get(rule, 0) + 1
    check(
        len(kept) > 0,
        f"{path} must hold examples that the sweep has not seen",
        ", ".join(f"{count} {rule}" for rule, count in left_out.items()),
        "give others",
    )
    fresh = found.take(kept)
    return ConfirmData(
        path.name, FreshData(tokenized(task, fresh, tokenizer), len(kept), digest_of(fresh)), dict(left_out)
    )


def check_same(run: Path, given: ConfirmData | None) -> None:
    """UsageError where a run's choice is being compared on other fresh examples, or was: looking at several sets until
    one agrees would be no test."""
    choices = read_choices(run)
    kept = choices[-1].fresh_data if choices else None
    if kept is not None and (given is None or kept.get("digest") != given.data.digest):
        raise UsageError(
            f"a choice is compared on the fresh examples it began with, {kept.get('examples')} of {kept.get('file')}, "
            f"but {'none are given' if given is None else f'{given.file} holds others'}; give that file, or start "
            "another run"
        )


def _texts(examples: Any) -> set[tuple[str, ...]]:
    return set(map(_plain, examples.texts()))


def _plain(texts: tuple[str, ...]) -> tuple[str, ...]:
    """What many tokenizers read alike: texts that differ in case and blanks."""
    return tuple(" ".join(text.split()).casefold() for text in texts)
