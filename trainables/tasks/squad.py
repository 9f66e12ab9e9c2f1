"""SQuAD v1.1: long contexts become overlapping windows, the best span over the windows is the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainables.tasks.base import Head, Inputs, Ragged, Scores, Split
from trainables.tasks.classification import token_ids
from trainables.tasks.encodings import encodings, with_offsets
from trainables.tasks.known_words import KnownWords
from trainables.tasks.spans import best_spans
from trainables.tasks.special_tokens import CHECKED, SpecialTokens, check_encoding
from trainables.tasks.squad_data import Question, SquadExamples, collect, load_squad, read_squad
from trainables.tasks.squad_score import exact_match, f1

MAX_QUESTION_TOKENS = 64  # and at most half of the room; as in BERT's run_squad (max_query_length)
OVERLAP_TOKENS = 128  # of adjacent windows; at most half a window, or short limits would not advance
MAX_ANSWER_TOKENS = 30  # as in BERT's run_squad (max_answer_length)


@dataclass(frozen=True)
class Tokenized:
    """Untruncated token ids without special tokens, and where the context's tokens are in its text."""

    questions: Ragged  # n rows
    contexts: Ragged  # a row per paragraph
    context: np.ndarray  # int64 (n,): row of `contexts`
    char_start: np.ndarray  # int32, like contexts.values: where the token's characters begin and end
    char_end: np.ndarray
    answer_first: np.ndarray  # int64 (n,): first and last token of the (first) answer within its context
    answer_last: np.ndarray
    context_texts: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    special: SpecialTokens
    pad_id: int
    left_out: dict[str, int]  # see SquadExamples


@dataclass(frozen=True)
class Layout:
    """Where the windows of all questions lie: window i shows question `example[i]` and, of its context, the tokens
    `first[i] .. first[i] + tokens[i] - 1`. Arrays int64 (n inputs,)."""

    example: np.ndarray
    question_tokens: np.ndarray
    first: np.ndarray
    tokens: np.ndarray

    def holds_answer(self, tokenized: Tokenized) -> np.ndarray:
        """bool (n inputs,): whether a window shows the whole answer."""
        begin, end = tokenized.answer_first[self.example], tokenized.answer_last[self.example]
        held: np.ndarray = (self.first <= begin) & (begin <= end) & (end < self.first + self.tokens)
        return held


@dataclass(frozen=True)
class Windows(Inputs):
    """The inputs, `question context-window`; the window begins at `position`, int64 (n inputs,)."""

    layout: Layout
    position: np.ndarray


@dataclass(frozen=True)
class Spans:
    """The best span of each question: the number of its window, -1 where no logit is finite (the rest says nothing
    then), its first and last token there, and the sum of their two logits. Arrays (questions,)."""

    window: np.ndarray
    first: np.ndarray
    last: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class SquadTask:
    """A `Task`. Accuracy is exact match: the one of the two scores that calls an answer right or wrong."""

    name: str = "squad"
    metrics: tuple[str, ...] = ("accuracy", "f1", "exact_match")
    head: Head = "question_answering"

    def load(self, split: Split, data_dir: Path | None = None, limit: int | None = None) -> SquadExamples:
        return load_squad(split, data_dir, limit)

    def load_file(self, path: Path, like: SquadExamples) -> SquadExamples:
        return collect(read_squad(path))

    def label_names(self, examples: SquadExamples) -> tuple[str, ...]:
        return ()

    def text_columns(self, examples: SquadExamples | None) -> tuple[str, ...]:
        return ("question", "context")

    def examples_of(self, texts: Sequence[tuple[str, ...]]) -> SquadExamples:
        return collect(Question("", question, context, ("",), 0) for question, context in texts)

    def tokenize(self, examples: SquadExamples, tokenizer: Any) -> Tokenized:
        contexts, char_start, char_end = _with_offsets(examples.contexts, tokenizer)
        lengths = np.array([len(answers[0]) for answers in examples.answers])
        first, last = _token_spans(
            contexts, char_start, char_end, examples.context, examples.answer_start, examples.answer_start + lengths
        )
        questions, special = token_ids(examples.questions, tokenizer), SpecialTokens.of(tokenizer, pair=True)
        few = examples.context[:CHECKED]
        texts = [examples.questions, [examples.contexts[row] for row in few]]
        shown = contexts.slices(few, np.zeros_like(few), contexts.lengths[few])
        check_encoding(special, tokenizer, texts, [questions, shown])
        return Tokenized(
            questions=questions,
            contexts=contexts,
            context=examples.context,
            char_start=char_start,
            char_end=char_end,
            answer_first=first,
            answer_last=last,
            context_texts=examples.contexts,
            answers=examples.answers,
            special=special,
            pad_id=tokenizer.pad_token_id,
            left_out=examples.left_out,
        )

    def inputs(self, tokenized: Tokenized, max_seq_len: int) -> Windows:
        """One or more windows per question, each question's windows together and in order."""
        special, layout = tokenized.special, _layout(tokenized, max_seq_len)
        example = layout.example
        ids, token_types = special.wrap(
            tokenized.questions.slices(example, np.zeros_like(example), layout.question_tokens),
            tokenized.contexts.slices(tokenized.context[example], layout.first, layout.tokens),
        )
        position = len(special.before) + layout.question_tokens + len(special.between)
        return Windows(ids, token_types, example, tokenized.pad_id, layout, position)

    def cut_short(self, tokenized: Tokenized, max_seq_len: int) -> np.ndarray:
        """Questions alone are cut: a long context is shown in more windows."""
        shorter: np.ndarray = _question_tokens(tokenized, max_seq_len) < tokenized.questions.lengths
        return shorter

    def train_targets(self, tokenized: Tokenized, inputs: Inputs) -> dict[str, np.ndarray]:
        """Positions of the answer, or 0 where a window does not hold all of it (as in BERT's run_squad)."""
        windows = _windows(inputs)
        layout = windows.layout
        inside = layout.holds_answer(tokenized)
        shift = windows.position - layout.first
        return {
            "start_positions": np.where(inside, tokenized.answer_first[layout.example] + shift, 0),
            "end_positions": np.where(inside, tokenized.answer_last[layout.example] + shift, 0),
        }

    def remarks(self, tokenized: Tokenized, max_seq_len: int) -> dict[str, int]:
        layout = _layout(tokenized, max_seq_len)
        answered = len(np.unique(layout.example[layout.holds_answer(tokenized)]))
        rule = f"trained as unanswerable: no window of {max_seq_len} tokens holds the whole answer"
        found = tokenized.left_out | {rule: len(tokenized.questions) - answered}
        return {rule: count for rule, count in found.items() if count}

    def score(self, outputs: np.ndarray, tokenized: Tokenized, inputs: Inputs) -> Scores:
        """`outputs`: logits (n inputs, tokens, 2) that a token is the first, or the last, of the answer."""
        predictions, _ = self.answers(outputs, tokenized, inputs)
        pairs = list(zip(predictions, tokenized.answers, strict=True))
        correct = np.array([exact_match(prediction, answers) for prediction, answers in pairs])
        mean_f1 = float(np.mean([f1(prediction, answers) for prediction, answers in pairs]))
        accuracy = float(correct.mean())
        return Scores({"accuracy": accuracy, "f1": mean_f1, "exact_match": accuracy}, correct)

    def answers(
        self, outputs: np.ndarray, tokenized: Tokenized, inputs: Inputs, labels: Sequence[str] = ()
    ) -> tuple[list[str], np.ndarray]:
        """The text of the best span over each question's windows; empty where no logit is finite. Its score is the sum
        of its two logits."""
        spans, layout = self.spans(outputs, tokenized, inputs), _windows(inputs).layout
        texts = [""] * len(tokenized.questions)
        for example in np.flatnonzero(spans.window >= 0):
            row, window = tokenized.context[example], spans.window[example]
            at = tokenized.contexts.offsets[row] + layout.first[window] - _windows(inputs).position[window]
            span = slice(tokenized.char_start[at + spans.first[example]], tokenized.char_end[at + spans.last[example]])
            texts[example] = tokenized.context_texts[row][span]
        return texts, np.where(spans.window >= 0, spans.value, np.nan)

    def spans(self, outputs: np.ndarray, tokenized: Tokenized, inputs: Inputs) -> Spans:
        """Where the answers are."""
        windows = _windows(inputs)
        token = np.arange(outputs.shape[1]) - windows.position[:, None]
        allowed = (token >= 0) & (token < windows.layout.tokens[:, None])
        first, last, value = best_spans(outputs[..., 0], outputs[..., 1], allowed, MAX_ANSWER_TOKENS)
        best = np.full(len(tokenized.questions), -1)
        order = np.argsort(value, kind="stable")[np.isneginf(value).sum() :]
        best[windows.example[order]] = order  # the best window comes last
        return Spans(best, first[best], last[best], value[best])


SQUAD = SquadTask()


def _windows(inputs: Inputs) -> Windows:
    if not isinstance(inputs, Windows):
        raise TypeError(f"SQuAD is scored on the Windows that it made, but got {type(inputs).__name__}")
    return inputs


def _question_tokens(tokenized: Tokenized, max_seq_len: int) -> np.ndarray:
    """How many of each question are shown: int64 (questions,)."""
    room = max_seq_len - tokenized.special.count
    shown: np.ndarray = np.minimum(tokenized.questions.lengths, min(MAX_QUESTION_TOKENS, room // 2))
    return shown


def _layout(tokenized: Tokenized, max_seq_len: int) -> Layout:
    room = max_seq_len - tokenized.special.count
    question_tokens = _question_tokens(tokenized, max_seq_len)
    window = room - question_tokens
    step = window - np.minimum(OVERLAP_TOKENS, window // 2)
    context_tokens = tokenized.contexts.lengths[tokenized.context]
    count = 1 + np.ceil(np.maximum(context_tokens - window, 0) / step).astype(np.int64)

    example = np.repeat(np.arange(len(tokenized.questions)), count)
    number = np.arange(len(example)) - np.repeat(np.cumsum(count) - count, count)
    first = number * step[example]
    tokens = np.minimum(window[example], context_tokens[example] - first)
    return Layout(example, question_tokens[example], first, tokens)


def _with_offsets(texts: Sequence[str], tokenizer: Any) -> tuple[Ragged, np.ndarray, np.ndarray]:
    """Token ids, and the first character of each token and the one after its last."""
    if isinstance(tokenizer, KnownWords):
        return tokenizer.token_offsets(texts)
    return with_offsets(encodings(texts, tokenizer, offsets=True))


def _token_spans(
    contexts: Ragged, char_start: np.ndarray, char_end: np.ndarray, row: np.ndarray, begin: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and last token, within its context, that touch the characters begin..end-1 of each answer."""
    # All contexts one behind the other: their characters ascend, and one search serves all answers.
    length = 1 + max(int(char_end.max(initial=0)), int(end.max(initial=0)))
    before = np.repeat(np.arange(len(contexts)) * length, contexts.lengths)
    first = np.searchsorted(before + char_end, row * length + begin, side="right")
    last = np.searchsorted(before + char_start, row * length + end, side="left") - 1
    return first - contexts.offsets[row], last - contexts.offsets[row]
