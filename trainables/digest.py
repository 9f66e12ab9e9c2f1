"""Digests of plain data: equal for equal values, whichever process made them."""

import dataclasses
import hashlib
from typing import Any

import numpy as np

SHOWN = 16  # hexadecimal digits that a row keeps: 64 bits tell apart what anybody will ever measure


def digest_of(*values: Any) -> str:
    """The first digits of a SHA-256 of nested lists, dictionaries, dataclasses, arrays, texts and numbers. TypeError
    for anything else."""
    digest = hashlib.sha256()
    feed(digest, values)
    return digest.hexdigest()[:SHOWN]


def feed(digest: Any, value: Any) -> None:
    """Everything goes in with its type and length, so that no two values give the same bytes."""
    if isinstance(value, bytes | str):
        data = value.encode(errors="surrogatepass") if isinstance(value, str) else value
        digest.update(b"%s %d:" % (type(value).__name__.encode(), len(data)))
        digest.update(data)
    elif isinstance(value, np.ndarray):
        digest.update(b"array ")
        feed(digest, f"{value.dtype} {value.shape}")
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, tuple | list):
        digest.update(b"list %d:" % len(value))
        for part in value:
            feed(digest, part)
    elif isinstance(value, dict):
        digest.update(b"dict ")
        feed(digest, sorted(value.items()))
    elif dataclasses.is_dataclass(value):
        feed(digest, [type(value).__qualname__, {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}])
    elif value is None or isinstance(value, bool | int | float):
        digest.update(b"plain %s;" % repr(value).encode())
    else:
        raise TypeError(f"no digest of {type(value).__name__}; add it to trainables/digest.py")
