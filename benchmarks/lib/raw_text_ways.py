"""Ways from raw text to answers: the product, and what people run instead."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.lib.raw_text_questions import question_loop
from serving.predictor import Predictor
from trainables.model.loading import SAFE, auto_class
from trainables.tasks.base import Head

PRODUCT, PUBLISHED = "jouletune, serving.predictor", "Transformers loop, fp32, padded to the limit, batch 64"
SORTED = "Transformers loop, fp16, sorted, longest, batch 436"

Texts = Sequence[tuple[str, ...]]  # of each input: a text, a pair, a question and its context
Answers = Sequence[int] | Sequence[str]  # class numbers, or the texts that answer questions
Answer = Callable[[Texts], Answers | None]  # None: it only encodes


@dataclass(frozen=True)
class Way:
    """`load` is timed, too. ImportError where its library is not there."""

    name: str
    load: Callable[[], Answer]


@dataclass(frozen=True)
class Whole:
    """The whole model in fp32: its folder, with the tokenizer, where and on how many tokens it is run, and on how many
    texts at once."""

    folder: Path
    device: torch.device
    limit: int
    head: Head = "sequence_classification"
    texts: int = 1


def ways(whole: Whole, export: Path) -> list[Way]:
    """`export`: of the configuration in question. Transformers 5 has no pipeline that answers questions, and
    sentence-transformers encodes texts one by one: each is a way where it does what is asked."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # as the product has it
    half = torch.float16 if whole.device.type == "cuda" else torch.bfloat16  # a CPU has no fp16 to speak of
    named = str(half).removeprefix("torch.").replace("bfloat", "bf").replace("float", "fp")
    classifies = whole.head == "sequence_classification"

    def loop(name: str, dtype: torch.dtype, batch: int, sort: bool, padding: str) -> Way:
        def load() -> Answer:
            tokenizer, model = loaded(whole, dtype)
            if classifies:
                return class_loop(tokenizer, model, whole.limit, batch, sort, padding)
            return question_loop(tokenizer, model, whole.limit, batch, sort, padding)

        return Way(name.replace("fp16", named), load)

    found = [
        Way(PRODUCT, lambda: product(export, whole.device)),
        loop(PUBLISHED, torch.float32, 64, False, "max_length"),
        loop("Transformers loop, fp16, padded to the limit, batch 64", half, 64, False, "max_length"),
        loop("Transformers loop, fp16, sorted, longest, batch 64", half, 64, True, "longest"),
        loop(SORTED, half, 436, True, "longest"),
    ]
    if classifies:
        found.append(Way(f"Transformers pipeline, {named}, batch 64", lambda: pipeline(whole, half)))
    if classifies and whole.texts == 1:
        name = f"sentence-transformers encode, {named}, batch 436"
        found.append(Way(name, lambda: sentence_transformers(whole, half)))
    return found


def product(export: Path, device: torch.device) -> Answer:
    predictor = Predictor.load(export, device=device.type)
    numbers = {label: number for number, label in enumerate(predictor.bundle.labels)}

    def answer(texts: Texts) -> Answers:
        answers = [prediction.answer for prediction in predictor.stream(texts)]
        return [numbers[name] for name in answers] if numbers else answers

    return answer


def class_loop(tokenizer: Any, model: Any, limit: int, batch: int, sort: bool, padding: str) -> Answer:
    """Class numbers, `batch` texts or pairs at a time."""

    def answer(texts: Texts) -> list[int]:
        order = sorted(range(len(texts)), key=lambda i: sum(map(len, texts[i]))) if sort else list(range(len(texts)))
        found = [0] * len(texts)
        with torch.inference_mode():
            for begin in range(0, len(order), batch):
                chosen = order[begin : begin + batch]
                columns = map(list, zip(*(texts[i] for i in chosen), strict=True))
                inputs = tokenizer(
                    *columns, truncation=True, max_length=limit, padding=padding, return_tensors="pt"
                ).to(model.device)
                numbers = model(**inputs).logits.argmax(-1).tolist()
                for i, number in zip(chosen, numbers, strict=True):
                    found[i] = number
        return found

    return answer


def pipeline(whole: Whole, dtype: torch.dtype) -> Answer:
    tokenizer, model = loaded(whole, dtype)
    made: Any = transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device=whole.device, batch_size=64
    )

    def answer(texts: Texts) -> list[int]:
        given = [dict(zip(("text", "text_pair"), parts, strict=False)) for parts in texts]
        told = made(given, truncation=True, max_length=whole.limit)
        return [model.config.label2id[one["label"]] for one in told]

    return answer


def sentence_transformers(whole: Whole, dtype: torch.dtype) -> Answer:
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ImportError("sentence-transformers is not installed")
    library: Any = importlib.import_module("sentence_transformers")
    # Of a folder that is no model of its own it makes one: the encoder, and the mean of its tokens.
    model = library.SentenceTransformer(str(whole.folder), device=str(whole.device), local_files_only=True).to(dtype)
    model.max_seq_length = whole.limit

    def answer(texts: Texts) -> None:
        model.encode([text for (text,) in texts], batch_size=436, convert_to_tensor=True)

    return answer


def loaded(whole: Whole, dtype: torch.dtype) -> tuple[Any, Any]:
    """The tokenizer, and the whole model on its device."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(whole.folder, trust_remote_code=False)
    kind = auto_class(whole.head)
    return tokenizer, kind.from_pretrained(whole.folder, dtype=dtype, **SAFE).to(whole.device).eval()
