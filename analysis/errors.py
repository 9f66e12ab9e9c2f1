"""What the data cannot answer, as a sentence. A user's mistake is a `search_spaces.errors.UsageError`."""


class CannotAnswer(ValueError):
    """The rows do not carry this answer; the message says which part, why, and what to do.

    A report shows the message where the part would have stood; a command line prints it and exits with 2.
    """
