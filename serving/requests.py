"""What comes in over HTTP, and what goes out: JSON, with a limit on everything that a stranger may send."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError, check
from serving.answers import Prediction
from serving.text_files import texts_of

OK, BAD_JSON, TOO_SLOW, TOO_LARGE, BAD_TEXT, FAILED, OVERDUE = 200, 400, 408, 413, 422, 500, 504


@dataclass(frozen=True)
class Settings:
    """Of the application: `serve run serving.app:build dir=DIR replicas=2 ...`."""

    dir: Path
    """The folder that serving.export made."""
    replicas: int = 1
    """Processes that answer, each with a copy of the model."""
    gpus: float | None = None
    """Of each replica; 0.5 puts two on one card. Default: 1 where there is a GPU, else 0."""
    backend: str | None = None
    """Another than the trial's."""
    threads: int = 1
    """CPU threads of PyTorch in each replica, and cores that Ray sets aside for it."""
    wait_ms: float = 2.0
    """How long a request waits for others to be answered with."""
    requests: int = 256
    """Answered together, at most."""
    queued: int = 4096
    """Requests that wait at most; the next is told 503."""
    timeout_s: float = 30.0
    """For a body to arrive (then 408), and for its answers (then 504)."""
    metrics_port: int | None = None
    """Prometheus metrics at this port of 127.0.0.1, where Ray is started here. Default: Ray chooses one."""
    max_body_bytes: int = 1_000_000
    max_texts: int = 1024
    """Of a request."""
    max_characters: int = 100_000
    """Of a text. What the model reads of it is its max_seq_len, whatever comes."""

    def __post_init__(self) -> None:
        for name in ("replicas", "threads", "requests", "queued", "max_body_bytes", "max_texts", "max_characters"):
            check(getattr(self, name) >= 1, f"{name} must be at least 1", getattr(self, name), "see docs/deploy.md")
        check(math.isfinite(self.timeout_s) and self.timeout_s > 0, "timeout_s must be above 0", self.timeout_s, "30")
        check(math.isfinite(self.wait_ms) and self.wait_ms >= 0, "wait_ms must be at least 0", self.wait_ms, "2")
        port = self.metrics_port
        check(port is None or 1024 <= port <= 65535, "metrics_port must be between 1024 and 65535", port, "9123")
        check(self.gpus is None or 0 <= self.gpus <= 64, "gpus must be between 0 and 64", self.gpus, "leave it out")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Settings":
        """Of the words of a command line. UsageError for a name or a value that is none."""
        kinds: dict[str, Any] = {f.name: type(f.default) for f in fields(cls)} | {
            "dir": Path,
            "gpus": float,
            "metrics_port": int,
            "backend": str,
        }
        unknown = ", ".join(sorted(set(given) - set(kinds)))
        check(not unknown, f"settings must be of {', '.join(kinds)}", unknown, "correct or remove it")
        check("dir" in given, "dir must be the folder of an export", "none", "add dir=DIR")
        found = {}
        for name, value in given.items():
            try:
                found[name] = kinds[name](value)
            except ValueError:
                raise UsageError(f"{name} must be a number, but got {value!r}; correct it") from None
        return cls(**found)


class Refused(Exception):
    """A request that is not answered: the status and what is said."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def body_of(chunks: AsyncIterator[bytes], length: str | None, limits: Settings) -> bytes:
    """What a client sends. `length`: the Content-Length that it states. Refused where it is too much, or too slow."""
    most = limits.max_body_bytes
    too_large = Refused(TOO_LARGE, f"a body must have at most {most} bytes; send fewer texts at once")
    if length is not None and length.isdecimal() and int(length[:20]) > most:
        raise too_large
    found = bytearray()
    try:
        async with asyncio.timeout(limits.timeout_s):
            async for chunk in chunks:
                found += chunk
                if len(found) > most:
                    raise too_large
    except TimeoutError:
        raise Refused(TOO_SLOW, f"a body must arrive within {limits.timeout_s:g} s") from None
    return bytes(found)


def texts_in(body: bytes, columns: Sequence[str], limits: Settings) -> list[tuple[str, ...]]:
    """The texts of {"texts": [...]}: each an object of `columns`, or a string where there is one column. Refused where
    it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(BAD_JSON, f"a body must be JSON in UTF-8 ({str(error)[:80]})") from None
    texts = found.get("texts") if isinstance(found, dict) else None
    if not isinstance(texts, list) or not texts:
        raise Refused(BAD_TEXT, 'a body must be {"texts": [...]} with at least one text')
    if len(texts) > limits.max_texts:
        raise Refused(TOO_LARGE, f"a request must have at most {limits.max_texts} texts, but has {len(texts)}")
    made = [_text(text, number, columns) for number, text in enumerate(texts)]
    for number, parts in enumerate(made):
        for name, part in zip(columns, parts, strict=True):
            if isinstance(part, str) and len(part) > limits.max_characters:
                raise Refused(
                    BAD_TEXT,
                    f"text {number}: {name} must have at most {limits.max_characters} characters, but has {len(part)}",
                )
    return made


def _text(text: Any, number: int, columns: Sequence[str]) -> tuple[str, ...]:
    if isinstance(text, str) and len(columns) == 1:
        return (text,)
    if isinstance(text, dict) and (found := texts_of(text, columns)) is not None:
        return found
    wanted = "{" + ", ".join(f'"{name}": "..."' for name in columns) + "}"
    raise Refused(BAD_TEXT, f"text {number} must be {wanted}" + (" or a string" if len(columns) == 1 else ""))


def answer_of(predictions: Sequence[Prediction], kind: str) -> dict[str, Any]:
    """`kind`: what an answer is called, "label" or "answer". A number that is none is null, and so is its answer."""
    known = [math.isfinite(p.score) for p in predictions]
    return {
        "predictions": [
            {kind: p.answer if ok else None, "score": round(p.score, 6) if ok else None}
            for p, ok in zip(predictions, known, strict=True)
        ]
    }
