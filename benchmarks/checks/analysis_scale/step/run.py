"""Import what is timed, let it work, and judge how long both took."""

import time
from importlib import import_module

from benchmarks.checks.analysis_scale.step import LIMITS_S, STEP, Arguments
from benchmarks.lib.bars import Bar, judge


def run(arguments: Arguments) -> int:
    """Exit code 0 within the limit."""
    begin = time.perf_counter()
    about = import_module(f"{STEP.module}.{arguments.what}").measure(arguments.file, arguments.distinct)
    seconds = time.perf_counter() - begin
    return judge([Bar(f"{arguments.what}, {about} (s)", seconds, LIMITS_S[arguments.what])])
