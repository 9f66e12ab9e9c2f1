"""The one exception for a user's mistake: a rule, the value that broke it, and the remedy."""

LONGEST = 500  # characters of a value that a message repeats


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
