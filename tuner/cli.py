"""What every command line of the project shares: presets as defaults, one-line errors, exit codes."""

import sys
from collections.abc import Callable

from analysis.cli import print_any_text, reader_gone
from search_spaces.errors import UsageError, check, not_open
from tuner.errors import Interrupted

USAGE, INTERRUPTED, FAILED = 2, 130, 1  # exit codes
DEFAULT_PRESET = "demo"


def check_promote(promote: bool, confirm: bool, resumed: bool) -> None:
    """UsageError where a run cannot promote a runner-up: it has none yet, or measures no fresh trials."""
    check(
        not promote or (confirm and resumed),
        "--promote goes with --resume, and without --no-confirm",
        promote,
        "give the folder of a run whose fresh trials found a runner-up cheaper",
    )


def check_confirm_data(file: str | None, confirm: bool, resumed: bool) -> None:
    """UsageError where fresh examples are given and nothing will be scored on them."""
    check(
        file is None or confirm or resumed,
        "--confirm-data compares the choice with the baseline at the end",
        "--no-confirm",
        "drop one of them",
    )


def option_value(arguments: list[str], option: str) -> str | None:
    """What `option` is given before anything is parsed: a preset decides the defaults of the rest."""
    for i, argument in enumerate(arguments):
        if argument == option and i + 1 < len(arguments):
            return arguments[i + 1]
        if argument.startswith(f"{option}="):
            return argument.split("=", 1)[1]
    return None


def run_command(command: Callable[[], int]) -> None:
    """Run a command and exit with its code; a user's mistake is one line on stderr and exit code 2."""
    print_any_text()
    try:
        code = command()
        sys.stdout.flush()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        code = USAGE
    except BrokenPipeError:
        code = reader_gone()
    except OSError as error:
        if (said := not_open(error)) is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        code = USAGE
    except Interrupted as stopped:
        print(stopped, file=sys.stderr)
        code = INTERRUPTED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)
