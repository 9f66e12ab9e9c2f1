"""The one exception for a user's mistake: a rule, the value that broke it, and the remedy."""


class UsageError(Exception):
    """A mistake in what the user asked for. Command lines print its message and exit with code 2."""


def check(condition: bool, rule: str, value: object, remedy: str) -> None:
    """Raise `UsageError` "<rule>, but got <value>; <remedy>" unless the condition holds."""
    if not condition:
        raise UsageError(f"{rule}, but got {value!r}; {remedy}")
