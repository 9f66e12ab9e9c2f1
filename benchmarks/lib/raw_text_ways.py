"""Ways from raw text to class numbers: the product, and what people run instead."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from serving.predictor import Predictor
from trainables.model.loading import SAFE

LIMIT = 128  # tokens, of every way
PRODUCT, PUBLISHED = "jouletune, serving.predictor", "Transformers loop, fp32, padded to 128, batch 64"
SORTED = "Transformers loop, fp16, sorted, longest, batch 436"

Answer = Callable[[Sequence[str]], Sequence[int] | None]  # None: it classifies nothing


@dataclass(frozen=True)
class Way:
    """`load` is timed, too. ImportError where its library is not there."""

    name: str
    load: Callable[[], Answer]


@dataclass(frozen=True)
class Whole:
    """The whole model in fp32: its folder, with the tokenizer, and where and on how many tokens it is run."""

    folder: Path
    device: torch.device
    limit: int = LIMIT


def ways(whole: Whole, export: Path) -> list[Way]:
    """`export`: of the configuration in question."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # as the product has it
    half = torch.float16 if whole.device.type == "cuda" else torch.bfloat16  # a CPU has no fp16 to speak of
    named = str(half).removeprefix("torch.").replace("bfloat", "bf").replace("float", "fp")

    def loop(name: str, dtype: torch.dtype, batch: int, sort: bool, padding: str) -> Way:
        return Way(name.replace("fp16", named), lambda: transformers_loop(whole, dtype, batch, sort, padding))

    return [
        Way(PRODUCT, lambda: product(export, whole.device)),
        loop(PUBLISHED, torch.float32, 64, False, "max_length"),
        loop("Transformers loop, fp16, padded to 128, batch 64", half, 64, False, "max_length"),
        loop("Transformers loop, fp16, sorted, longest, batch 64", half, 64, True, "longest"),
        loop(SORTED, half, 436, True, "longest"),
        Way(f"Transformers pipeline, {named}, batch 64", lambda: pipeline(whole, half)),
        Way(f"sentence-transformers encode, {named}, batch 436", lambda: sentence_transformers(whole, half)),
    ]


def product(export: Path, device: torch.device) -> Answer:
    predictor = Predictor.load(export, device=device.type)
    numbers = {label: number for number, label in enumerate(predictor.bundle.labels)}
    return lambda texts: [numbers[p.answer] for p in predictor.stream(texts)]


def transformers_loop(whole: Whole, dtype: torch.dtype, batch: int, sort: bool, padding: str) -> Answer:
    tokenizer, model = _loaded(whole, dtype)

    def answer(texts: Sequence[str]) -> list[int]:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i])) if sort else list(range(len(texts)))
        found = [0] * len(texts)
        with torch.inference_mode():
            for begin in range(0, len(order), batch):
                chosen = order[begin : begin + batch]
                inputs = tokenizer(
                    [texts[i] for i in chosen],
                    truncation=True,
                    max_length=whole.limit,
                    padding=padding,
                    return_tensors="pt",
                ).to(whole.device)
                numbers = model(**inputs).logits.argmax(-1).tolist()
                for i, number in zip(chosen, numbers, strict=True):
                    found[i] = number
        return found

    return answer


def pipeline(whole: Whole, dtype: torch.dtype) -> Answer:
    tokenizer, model = _loaded(whole, dtype)
    made: Any = transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device=whole.device, batch_size=64
    )

    def answer(texts: Sequence[str]) -> list[int]:
        told = made(list(texts), truncation=True, max_length=whole.limit)
        return [model.config.label2id[one["label"]] for one in told]

    return answer


def sentence_transformers(whole: Whole, dtype: torch.dtype) -> Answer:
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ImportError("sentence-transformers is not installed")
    library: Any = importlib.import_module("sentence_transformers")
    words = library.models.Transformer(str(whole.folder), max_seq_length=whole.limit)
    pooled = library.models.Pooling(words.get_word_embedding_dimension())
    model = library.SentenceTransformer(modules=[words, pooled], device=str(whole.device)).to(dtype)

    def answer(texts: Sequence[str]) -> None:
        model.encode(list(texts), batch_size=436, convert_to_tensor=True)

    return answer


def _loaded(whole: Whole, dtype: torch.dtype) -> tuple[Any, Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(whole.folder, trust_remote_code=False)
    kind = transformers.AutoModelForSequenceClassification
    return tokenizer, kind.from_pretrained(whole.folder, dtype=dtype, **SAFE).to(whole.device).eval()
