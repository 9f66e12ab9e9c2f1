"""What ends a command besides a user's mistake (`search_spaces.errors`)."""


class Interrupted(Exception):
    """A run was stopped before it had any row; the message says how to go on."""
