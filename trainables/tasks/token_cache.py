"""Tokenised splits on disk: computed once per data, tokenizer and code, then memory-mapped by every later run.

An entry is a folder named by a digest of all that tokenising depends on: the examples themselves (so a changed data
file or limit is another entry), the tokenizer, and the code of the tasks. Nothing is ever looked up by a name that
could outlive its meaning. The folder holds the arrays as safetensors and, in JSON, what they are parts of and their
digest; an entry that does not match it is dropped and computed again.

Where: $XDG_CACHE_HOME/jouletune, or ~/.cache/jouletune; JOULETUNE_CACHE names another folder, or is "off".
"""

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from trainables.digest import feed
from trainables.energy.meters.cpu import cpu_name

VARIABLE = "JOULETUNE_CACHE"
KEPT_ENTRIES = 24  # the most recently used ones; 1 to 100 MB each
INDEX_FILE, ARRAYS_FILE = "index.json", "arrays.safetensors"
CLASSES_FROM = "trainables.tasks."  # an entry may name no other classes

_log = logging.getLogger(__name__)


def tokenized(task: Any, examples: Any, tokenizer: Any, folder: Path | None = None) -> Any:
    """`task.tokenize(examples, tokenizer)`, from the cache where it was computed before.

    Arrays from the cache are read-only. A cache that cannot be read or written costs time and a warning, no more.
    """
    return tokenized_in(task, examples, tokenizer, folder)[0]


def tokenized_in(task: Any, examples: Any, tokenizer: Any, folder: Path | None = None) -> tuple[Any, float]:
    """`tokenized`, and the CPU seconds that it took all threads of this process, on a processor of this name, when it
    was computed."""
    folder = cache_folder() if folder is None else folder
    if folder is None:
        return _timed(task, examples, tokenizer)
    entry = folder / key(task, examples, tokenizer)
    if entry.is_dir():
        try:
            found = _read(entry)
            return found["tokens"], found["cpu_s"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            _log.warning("the cached tokens in %s are damaged (%s) and computed again", entry, error)
            shutil.rmtree(entry, ignore_errors=True)
    result, cpu_s = _timed(task, examples, tokenizer)
    try:
        _write(entry, {"tokens": result, "cpu_s": cpu_s})
        _prune(folder)
    except (OSError, SafetensorError) as error:
        _log.warning("tokens are not cached: %s; set %s to a writable folder, or off", error, VARIABLE)
    return result, cpu_s


def _timed(task: Any, examples: Any, tokenizer: Any) -> tuple[Any, float]:
    begin = time.process_time()
    return task.tokenize(examples, tokenizer), time.process_time() - begin


def cache_folder() -> Path | None:
    """Where entries are kept; None where the cache is off."""
    given = os.environ.get(VARIABLE, "")
    if given.lower() in ("off", "0", "none"):
        return None
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "jouletune"


def key(task: Any, examples: Any, tokenizer: Any) -> str:
    """A digest of everything that tokenising depends on."""
    digest = hashlib.sha256()
    tasks = Path(sys.modules["trainables.tasks"].__file__ or "").parent
    for file in [*sorted(tasks.glob("*.py")), Path(__file__)]:
        feed(digest, file.read_bytes())
    feed(digest, [np.__version__, version("tokenizers"), version("transformers"), cpu_name()])
    # Truncation and padding are left from the tokenizer's last use; every call sets its own.
    pipeline = json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
    feed(digest, [task.name, json.dumps(pipeline), tokenizer.pad_token_id])
    feed(digest, [type(tokenizer).__qualname__, list(tokenizer.model_input_names)])
    feed(digest, examples)
    return f"{task.name}-{digest.hexdigest()[:32]}"


def _write(entry: Path, value: Any) -> None:
    """Into a folder beside it first: an entry is there whole or not at all."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=entry.parent))
    try:
        arrays: dict[str, np.ndarray] = {}
        content = _pack(value, arrays)
        save_file(arrays, temporary / ARRAYS_FILE)
        text = json.dumps({"arrays_sha256": _sha256(temporary / ARRAYS_FILE), "content": content})
        index = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "body": text}
        (temporary / INDEX_FILE).write_text(json.dumps(index))
        try:
            temporary.rename(entry)
        except OSError:  # another run was faster
            if not entry.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read(entry: Path) -> Any:
    index = json.loads((entry / INDEX_FILE).read_text())
    if hashlib.sha256(index["body"].encode()).hexdigest() != index["sha256"]:
        raise ValueError(f"{INDEX_FILE} does not match its digest")
    body = json.loads(index["body"])
    if _sha256(entry / ARRAYS_FILE) != body["arrays_sha256"]:
        raise ValueError(f"{ARRAYS_FILE} does not match its digest")
    value = _unpack(body["content"], _mapped(entry / ARRAYS_FILE))
    os.utime(entry)  # recently used
    return value


def _mapped(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file by name, read when they are touched: the library's reader copies them all."""
    data = np.memmap(file, dtype=np.uint8, mode="r")
    begin = 8 + int.from_bytes(data[:8].tobytes(), "little")
    arrays = {}
    for name, entry in json.loads(data[8:begin].tobytes()).items():
        first, end = entry["data_offsets"]
        kind, bits = entry["dtype"][0].lower(), entry["dtype"][1:]  # "I32", "BOOL"
        dtype = np.dtype("?" if entry["dtype"] == "BOOL" else f"<{kind}{int(bits) // 8}")
        arrays[name] = data[begin + first : begin + end].view(np.ndarray).view(dtype).reshape(entry["shape"])
    return arrays


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """As JSON, arrays by their number. A list says first what it is."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
        return ["array", name]
    if isinstance(value, tuple):
        plain = all(isinstance(v, str) for v in value)
        return ["strings", list(value)] if plain else ["tuple", [_pack(v, arrays) for v in value]]
    if isinstance(value, dict):
        return ["dict", {name: _pack(v, arrays) for name, v in value.items()}]
    if is_dataclass(value):
        parts = {f.name: _pack(getattr(value, f.name), arrays) for f in fields(value)}
        return ["object", type(value).__module__, type(value).__qualname__, parts]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"cannot cache a {type(value).__name__}; add it to trainables/tasks/token_cache.py")


def _unpack(packed: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(packed, list):
        return packed
    kind, *rest = packed
    if kind == "array":
        return arrays[rest[0]]
    if kind == "strings":
        return tuple(rest[0])
    if kind == "tuple":
        return tuple(_unpack(v, arrays) for v in rest[0])
    if kind == "dict":
        return {name: _unpack(v, arrays) for name, v in rest[0].items()}
    module, name, parts = rest
    if not module.startswith(CLASSES_FROM):
        raise ValueError(f"an entry may not name a class of {module}")
    return getattr(sys.modules[module], name)(**{n: _unpack(v, arrays) for n, v in parts.items()})


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _entries(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_dir() and (path / INDEX_FILE).is_file())


def _prune(folder: Path) -> None:
    """Drop the entries that were not used for longest."""
    by_use = sorted(_entries(folder), key=lambda path: path.stat().st_mtime, reverse=True)
    for entry in by_use[KEPT_ENTRIES:]:
        shutil.rmtree(entry, ignore_errors=True)
