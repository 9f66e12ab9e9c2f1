"""What a start is doing, a line per stage with the seconds it took: nobody waits before a silent terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Print what the block does and how long it took. On a terminal the line stands there from the beginning;
    elsewhere it is written whole, at the end. Of a block that fails its error says more."""
    live = sys.stdout.isatty()
    if live:
        print(f"{what} ...", end="", flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        if live:
            print(flush=True)
        raise
    print(f"\r{stage_line(what, time.monotonic() - begin)}" if live else stage_line(what, time.monotonic() - begin))
    sys.stdout.flush()


def stage_line(what: str, seconds: float) -> str:
    """ "starting Ray: 1.6 s"."""
    return f"{what}: {seconds:.1f} s"
