"""`Predictor`: a measured configuration on the user's own text.

    from serving.predictor import Predictor
    p = Predictor.load("deployed")
    p.predict(["a fine film", "a dull one"])      # [Prediction(answer='positive', score=0.99), ...]
    for prediction in p.stream(lines): ...        # any number of texts, in constant memory

Pairs are tuples; of SQuAD (question, context). Answers come in the order given. Texts are tokenised in threads while
the device computes the texts before.
"""

import gc
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from search_spaces.errors import UsageError, check
from serving.answers import Prediction
from serving.bundle import Bundle, read_bundle
from serving.device import differences, fitted
from serving.engine import Engine
from serving.flow import Flow
from serving.tokenising import Chunk, Prepared, Tokeniser
from serving.tokenising_processes import TokenisingProcesses, default_count
from serving.weights import load_weights
from trainables.device import BackendError, accelerator, set_threads
from trainables.load import cut
from trainables.model.loading import load_tokenizer
from trainables.tasks import get_task
from trainables.tasks.known_words import KnownWords

Text = str | Sequence[str]

# Of a chunk, which is tokenised together: batches, texts at least, and characters, which bound its memory. Few batches
# where one may hold inputs of two chunks, so that the device soon has work; many where a chunk's inputs are sorted, or
# form the batches of a trial over them.
FLOWING, SORTED, LEAST_TEXTS, MOST_CHARACTERS = 2, 16, 1024, 4_000_000
AHEAD = 3  # chunks that are tokenised before they are needed
LAUNCHED = 2  # chunks that a GPU has before it while the oldest is answered
START_S = 10.0  # that loading waits for processes that tokenise
ENOUGH = 1000  # texts from which a share of them is compared with the sweep's

_log = logging.getLogger("serving")


@dataclass(frozen=True)
class Counts:
    """What a predictor has answered so far."""

    texts: int = 0
    cut: int = 0  # lost text to the limit
    tokens: int = 0  # real ones, special tokens included
    tokenising_s: float = 0.0  # of one thread that waits for the tokenizer's own, in each process that tokenises


class Predictor:
    """Runs an export. Made by `load`; thread-safe."""

    def __init__(
        self, bundle: Bundle, engine: Engine, tokenizer: Any, processes: TokenisingProcesses | None = None
    ) -> None:
        self.bundle, self.engine, self.tokenizer = bundle, engine, tokenizer
        self.device = engine.model.device
        self.differences: tuple[str, ...] = ()
        self.counts = Counts()
        self.task = get_task(bundle.config.task)
        self._tokeniser = Tokeniser(self.task, tokenizer, bundle.config.max_seq_len)
        self._processes = processes
        self._at_once = 1 if processes is None else processes.count  # chunks that are tokenised
        self._counting = threading.Lock()
        self._warned = False
        flows = engine.framed and bundle.config.padding != "longest"
        self._chunk_texts = max(LEAST_TEXTS, (FLOWING if flows else SORTED) * bundle.config.batch_size)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        device: str | None = None,
        backend: str | None = None,
        threads: int | None = None,
        processes: int | None = None,
    ) -> "Predictor":
        """Load an export, compile and capture: the first answer is then as quick as any.

        `device`: "cuda", "cpu"; by default the GPU where there is one. `backend`: another than the trial's, such as
        "eager", which compiles nothing. `threads`: of PyTorch in this process; by default all cores, which can be far
        slower than one where others compute on them. `processes`: so many tokenise beside this one when hundreds of
        texts come at once; by default up to three beside a GPU, one for each four cores, and none beside a CPU. On a
        GPU load what a process needs before it answers: a graph cannot be captured while others compute. UsageError
        where the folder is no export, is damaged or of
        another version, or the device cannot compute in its precision.
        """
        path = Path(folder)
        bundle = read_bundle(path)
        if threads is not None:
            check(threads >= 1, "threads must be at least 1", threads, "leave it out for PyTorch's own choice")
            set_threads(threads)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        on = accelerator() if device is None else torch.device(device)
        trial = fitted(bundle.config, on, backend)
        beside = _processes(path, bundle, default_count(on.type) if processes is None else processes)
        tokenizer = KnownWords.of(load_tokenizer(str(path)))
        try:
            model = cut(trial, load_weights(path, trial, get_task(trial.task).head), on)
            engine = Engine(trial, model, bundle.tokens_per_batch, bundle.token_types, tokenizer.pad_token_id)
        except BackendError as error:
            raise UsageError(f"this device must run the export's configuration, but {error}") from error
        made = cls(bundle, engine, tokenizer, beside)
        made.differences = tuple(differences(bundle, trial, on))
        for sentence in made.differences:
            _log.warning("%s", sentence)
        made.predict([("a",) * len(bundle.text_columns)])  # threads, kernels and caches are there from now on
        made.counts = Counts()
        if beside is not None:
            beside.wait(START_S)
        # Answers are objects by the thousand, and each few collections look through all that has been imported.
        # What is there by now stays for good.
        gc.collect()
        gc.freeze()
        return made

    def predict(self, texts: Iterable[Text]) -> list[Prediction]:
        """An answer per text, in order. UsageError for a text that is empty or no text."""
        return list(self.stream(texts))

    def stream(self, texts: Iterable[Text]) -> Iterator[Prediction]:
        """The same of any number of texts, while they come: a few thousand are in memory at once."""
        for chunk, outputs in self.computed(texts):
            yield from self.answered(chunk, outputs)

    def answered(self, chunk: Chunk, outputs: np.ndarray) -> list[Prediction]:
        """The answers of a chunk of `computed`."""
        answers, scores = self.task.answers(outputs, chunk.tokenized, chunk.inputs, self.bundle.labels)
        return list(map(Prediction, answers, scores.tolist()))

    def outputs(self, texts: Iterable[Text]) -> np.ndarray:
        """Logits, float32 (texts, labels). For classification only."""
        if self.task.head != "sequence_classification":
            raise UsageError("logits per text must be a classifier's, but this export answers questions; use predict")
        parts = [outputs for _, outputs in self.computed(texts)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.bundle.labels)), dtype=np.float32)

    def computed(self, texts: Iterable[Text]) -> Iterator[tuple[Chunk, np.ndarray]]:
        """Chunks of the texts, and the outputs of their inputs: while one is computed, the next are tokenised, and the
        one before is answered."""
        waiting: deque[Future[Prepared]] = deque()
        flow = Flow(self.engine)
        with ThreadPoolExecutor(self._at_once) as tokenising:
            chunks = self._chunks(texts)
            problem: BaseException | None = None
            while problem is None:
                try:
                    waiting.append(tokenising.submit(self._prepared, next(chunks)))
                except StopIteration:
                    break
                except Exception as error:  # the texts' own iterator may raise anything
                    problem = error
                if len(waiting) > max(AHEAD, self._at_once):
                    problem = _begin(flow, waiting) or problem
                if flow.running > LAUNCHED:
                    yield from flow.end()
            while waiting or flow.running:
                if waiting:
                    problem = _begin(flow, waiting) or problem
                if flow.running > LAUNCHED or not waiting:
                    yield from flow.end()
            if problem is not None:
                raise problem

    def _chunks(self, texts: Iterable[Text]) -> Iterator[list[tuple[str, ...]]]:
        """A text that is refused comes after the answers to those before it."""
        found: list[tuple[str, ...]] = []
        characters, source = 0, enumerate(texts)
        problem: Exception | None = None
        while True:
            try:
                number, text = next(source)
                found.append(self.checked(text, number))
            except StopIteration:
                break
            except Exception as error:
                problem = error
                break
            characters += sum(map(len, found[-1]))
            if len(found) == self._chunk_texts or characters >= MOST_CHARACTERS:
                yield found
                found, characters = [], 0
        if found:
            yield found
        if problem is not None:
            raise problem

    def checked(self, text: Text, number: int) -> tuple[str, ...]:
        """A text as `predict` takes it. UsageError, with its number, where it is none."""
        names = self.bundle.text_columns
        parts = tuple(text) if isinstance(text, list | tuple) else (text,)
        if len(parts) == len(names) and all(map(_plain, parts)):
            return parts
        if len(parts) != len(names) or not all(isinstance(part, str) for part in parts):
            wanted = names[0] if len(names) == 1 else f"({', '.join(names)})"
            raise UsageError(f"text {number} must be {wanted}, as strings, but is {str(text)[:60]!r}")
        for name, part in zip(names, parts, strict=True):
            if not part or part.isspace():
                raise UsageError(f"text {number}: {name} is empty; leave it out, or fill it in")
            if not (part.isascii() or _encodes(part)):
                raise UsageError(f"text {number}: {name} holds half of a surrogate pair, which is no character")
        return parts

    def _prepared(self, texts: list[tuple[str, ...]]) -> Prepared:
        found = None if self._processes is None else self._processes.prepared(texts)
        if found is None:
            found = self._tokeniser.prepared(texts)
        if found.chunk is not None:
            with self._counting:
                c = self.counts
                self.counts = replace(
                    c,
                    texts=c.texts + found.texts,
                    cut=c.cut + found.cut,
                    tokens=c.tokens + len(found.chunk.inputs.ids.values),
                    tokenising_s=c.tokenising_s + found.spent_s,
                )
            self._warn_of_cuts()
        return found

    def _warn_of_cuts(self) -> None:
        """Once, where more texts are cut than in the sweep: its accuracy is not that of these."""
        usual, c = self.bundle.cut_share, self.counts
        if self._warned or usual is None or c.texts < ENOUGH or c.cut <= c.texts * max(2 * usual, usual + 0.01):
            return
        self._warned = True
        _log.warning(
            "%.1f %% of the texts are longer than %d tokens and were cut; of those it was scored on %.1f %%",
            100 * c.cut / c.texts,
            self.bundle.config.max_seq_len,
            100 * usual,
        )


def _processes(folder: Path, bundle: Bundle, count: int) -> TokenisingProcesses | None:
    check(count >= 0, "processes must be 0 or more", count, "leave it out for as many as help")
    return TokenisingProcesses(folder, bundle.config.task, bundle.config.max_seq_len, count) if count else None


def _begin(flow: Flow, waiting: deque[Future[Prepared]]) -> BaseException | None:
    """Launch the next chunk; where a text of it could not be tokenised, those before it alone, and say why."""
    prepared = waiting.popleft().result()
    if prepared.problem is not None:
        waiting.clear()
    if prepared.chunk is None:
        flow.finish()
    else:
        flow.begin(prepared.chunk, more=bool(waiting))
    return prepared.problem


def _plain(part: object) -> bool:
    """Nearly all are: a text in ASCII that is not empty."""
    return isinstance(part, str) and part.isascii() and bool(part) and not part.isspace()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
