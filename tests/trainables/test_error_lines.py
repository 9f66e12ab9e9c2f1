"""An error in one line, whoever raised it."""

from trainables.error_lines import one_line, raised


def test_what_a_compilers_subprocess_raised_is_in_the_row():
    text = (
        "SubprocException: An exception occurred in a subprocess:\n\nTraceback (most recent call last):\n"
        '  File "compile_worker.py", line 1, in do_job\ntriton.CompilationError: at 33:4:\n    for i in x:\n    ^\n'
        "AssertionError('variable largest has another type')\n\nSet TORCHDYNAMO_VERBOSE=1 for the stack trace\n"
    )
    assert one_line(RuntimeError(text)) == (
        "SubprocException: An exception occurred in a subprocess: AssertionError('variable largest has another type')"
    )
    assert one_line(RuntimeError("first\nValueError: second")) == "first"
    assert one_line(RuntimeError()) == ""


def test_what_a_traceback_ends_in_is_what_was_raised():
    lines = ["Traceback (most recent call last):", "ValueError: first", "KeyboardInterrupt", "see the log"]
    assert raised(lines) == "KeyboardInterrupt"
    assert raised(["Exception: plain"]) == "Exception: plain"
    assert raised(["an Error within a sentence"]) is None
