"""A user's mistake: its one exception (rule, value that broke it, remedy), and what a closed file is called."""

import errno

LONGEST = 500  # characters of a value that a message repeats
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)


class UsageError(Exception):
    """A mistake in what the user asked for. Command lines print its message and exit with code 2."""


def check(condition: bool, rule: str, value: object, remedy: str) -> None:
    """Raise `UsageError` "<rule>, but got <value>; <remedy>" unless the condition holds."""
    if not condition:
        raise UsageError(f"{rule}, but got {shown(value)}; {remedy}")


def shown(value: object) -> str:
    """The value as Python writes it, its beginning where it is long: one line stays one that can be read."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def not_open(error: OSError) -> str | None:
    """A sentence where a file or folder is closed to this user, or its disk to everybody; None for other errors."""
    if error.errno not in _CLOSED or error.filename is None:
        return None
    return (
        f"files and folders that are used must be open to you, but {error.filename}: {error.strerror}; "
        "change its permissions, or give another path"
    )
