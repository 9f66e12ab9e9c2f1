"""What the command lines of `serving` share: a user's mistake is one line on stderr and exit code 2."""

import sys
from collections.abc import Callable

from search_spaces.errors import UsageError, not_open

USAGE, INTERRUPTED = 2, 130


def run_command(command: Callable[[], int]) -> None:
    """Run a command and exit with its code."""
    try:
        code = command()
    except UsageError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        code = USAGE
    except BrokenPipeError:  # whoever read the answers has gone
        code = 1
        sys.stderr.close()
    except OSError as error:
        if (said := not_open(error)) is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        code = USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)
