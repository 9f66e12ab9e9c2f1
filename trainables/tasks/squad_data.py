"""Reading SQuAD v1.1 (Rajpurkar et al. 2016), questions whose answers are spans of a paragraph."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.errors import UsageError, check
from trainables.tasks.base import Split
from trainables.tasks.hub import load_from_hub

FILES: dict[Split, str] = {"train": "train-v1.1.json", "validation": "dev-v1.1.json"}
LEFT_OUT = "train_heuristic_start_ids.txt"  # one id a line: training questions whose answer_start is a guess

LISTED = f"left out: listed in {LEFT_OUT}"
MISPLACED = "left out: the answer is not at its answer_start"


@dataclass(frozen=True)
class Question:
    id: str
    text: str
    context: str
    answers: tuple[str, ...]  # validation: several annotators
    answer_start: int  # of the first answer, in characters of the context


@dataclass(frozen=True)
class SquadExamples:
    questions: tuple[str, ...]
    contexts: tuple[str, ...]  # each paragraph once
    context: np.ndarray  # int64 (questions,): index into contexts
    answers: tuple[tuple[str, ...], ...]
    answer_start: np.ndarray  # int64 (questions,)
    left_out: dict[str, int] = field(default_factory=dict)  # rule -> training questions that it left out

    def __len__(self) -> int:
        return len(self.questions)

    def texts(self) -> list[tuple[str, ...]]:
        """What the model is asked, example by example."""
        return [(q, self.contexts[row]) for q, row in zip(self.questions, self.context, strict=True)]

    def take(self, rows: Sequence[int]) -> "SquadExamples":
        """The questions of these numbers, one or more; every context is kept."""
        at = list(rows)
        return replace(
            self,
            questions=tuple(self.questions[row] for row in at),
            context=self.context[at],
            answers=tuple(self.answers[row] for row in at),
            answer_start=self.answer_start[at],
        )


def load_squad(split: Split, data_dir: Path | None, limit: int | None) -> SquadExamples:
    """The first `limit` questions, from official JSON or the hub.

    Training questions are left out and counted where the answer is not at its offset or the data folder lists
    the id; validation only needs the answers' texts.
    """
    check(limit is None or limit >= 1, "the number of examples must be at least 1", limit, "leave it out for all")
    if data_dir is None:
        questions = _hub_questions(load_from_hub("rajpurkar/squad", None, split))
    else:
        questions = read_squad(data_dir / FILES[split])
    left_out: Counter[str] = Counter()
    if split == "train":
        questions = _usable(questions, _listed(data_dir), left_out)
    return collect(islice(questions, limit), left_out)


def collect(questions: Iterable[Question], left_out: Mapping[str, int] | None = None) -> SquadExamples:
    """The questions as columns, each context once. `left_out` is read after them: it grows as they are read."""
    rows = list(questions)
    counts = dict(left_out or {})
    if not rows:
        why = "; ".join(f"{count} {rule}" for rule, count in counts.items()) or "the file lists none"
        raise UsageError(f"the data must hold at least one usable question, but {why}; correct the file")
    contexts = {text: i for i, text in enumerate(dict.fromkeys(row.context for row in rows))}
    return SquadExamples(
        questions=tuple(row.text for row in rows),
        contexts=tuple(contexts),
        context=np.array([contexts[row.context] for row in rows], dtype=np.int64),
        answers=tuple(row.answers for row in rows),
        answer_start=np.array([row.answer_start for row in rows], dtype=np.int64),
        left_out=counts,
    )


def read_squad(path: Path) -> Iterator[Question]:
    """The questions of a file of the official structure. Raises UsageError with the file and line or id."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist; the folder must hold {' and '.join(FILES.values())}")
    try:
        articles = json.loads(path.read_bytes())["data"]
        paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
        entries = [(paragraph["context"], entry) for paragraph in paragraphs for entry in paragraph["qas"]]
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: not JSON ({error.msg}); fetch the file again") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 ({error.reason}); save the file as UTF-8") from error
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: not the structure of SQuAD v1.1 ({type(error).__name__}: {error}); "
            "it is data > paragraphs > context, qas > id, question, answers > text, answer_start"
        ) from error
    for context, entry in entries:
        yield _question(str(path), context, entry)


def _question(origin: str, context: str, entry: Any) -> Question:
    where = f"{origin}: question {entry.get('id') if isinstance(entry, dict) else entry}"
    try:
        answers = entry["answers"]
        question = Question(
            id=entry["id"],
            text=entry["question"],
            context=context,
            answers=tuple(answer["text"] for answer in answers),
            answer_start=int(answers[0]["answer_start"]) if answers else 0,
        )
        if not all(isinstance(t, str) for t in (question.id, question.text, context, *question.answers)):
            raise TypeError("a text is not a string")
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{where}: needs id, question and answers with text and answer_start "
            f"({type(error).__name__}: {error}); correct the entry"
        ) from error
    texts = (("context", question.context), ("question", question.text), *(("answer", a) for a in question.answers))
    for name, text in texts:
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise UsageError(
                f"{where}: the {name} holds half of a surrogate pair, which is no character; "
                "remove it, or write U+FFFD in its place"
            )
        if name != "answer" and not text.strip():
            raise UsageError(f"{where}: the {name} is empty; fill it in or remove the question")
    if not question.answers:
        raise UsageError(f"{where}: no answer to train on or to score against; use a labelled file (v1.1)")
    return question


def _hub_questions(rows: Iterable[Any]) -> Iterator[Question]:
    for row in rows:
        starts, texts = row["answers"]["answer_start"], row["answers"]["text"]
        answers = [{"text": t, "answer_start": s} for t, s in zip(texts, starts, strict=True)]
        entry = {"id": row["id"], "question": row["question"], "answers": answers}
        yield _question("rajpurkar/squad", row["context"], entry)


def _listed(data_dir: Path | None) -> frozenset[str]:
    path = data_dir / LEFT_OUT if data_dir is not None else None
    return frozenset(path.read_text("utf-8").split()) if path is not None and path.is_file() else frozenset()


def _usable(questions: Iterable[Question], listed: frozenset[str], left_out: Counter[str]) -> Iterator[Question]:
    """The questions to train on; the others are counted by the rule that left them out."""
    for question in questions:
        answer = question.answers[0]
        if question.id in listed:
            left_out[LISTED] += 1
        elif not answer.strip() or not question.context.startswith(answer, max(question.answer_start, 0)):
            left_out[MISPLACED] += 1
        else:
            yield question
