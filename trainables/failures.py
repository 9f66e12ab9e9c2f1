"""Did a trial fail for want of memory, and may it pass elsewhere?"""

import torch

from trainables.energy.meter import MeterError


def out_of_memory(error: BaseException) -> bool:
    """Did the card or the host have no memory left? PyTorch says so of the host in a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(
        words in said for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def may_pass(error: BaseException, reused: bool) -> bool:
    """Could a fresh process get further? With a lost sensor perhaps; without memory where this process has served
    other trials before."""
    return isinstance(error, MeterError) or (reused and out_of_memory(error))
