"""What CUDA_VISIBLE_DEVICES leaves of this machine's cards.

CUDA stops at the first entry that names no card, and says nothing; Ray counts entries, so a trial could be given a card
that is not there and be measured on the processor.
"""

import os
from collections.abc import Sequence

VARIABLE = "CUDA_VISIBLE_DEVICES"
NOTHING = ("", "-1", "NoDevFiles")  # how to say on purpose that no card is to be used


def usable(entries: Sequence[str], uuids: Sequence[str]) -> int:
    """How many entries CUDA takes: those before the first that names no card or one twice. `uuids`: of the cards there
    are, as NVML gives them ("GPU-..."). A MIG instance counts as one (it is refused where it is measured)."""
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        card = _card(entry, uuids)
        if not card or card in seen:
            return number
        seen.add(card)
    return len(entries)


def _card(entry: str, uuids: Sequence[str]) -> str:
    """What an entry names; "" for none. CUDA takes an index, or a beginning of a UUID that only one card has."""
    if entry.isascii() and entry.isdecimal():
        return uuids[int(entry)] if int(entry) < len(uuids) else ""
    if entry.startswith("MIG-"):
        return entry if uuids else ""
    found = [uuid for uuid in uuids if entry.startswith("GPU-") and uuid.startswith(entry)]
    return found[0] if len(found) == 1 else ""


def named() -> list[str] | None:
    """The entries of the variable; None where it is not set, or asks for no card."""
    value = os.environ.get(VARIABLE)
    if value is None or value.strip() in NOTHING:
        return None
    return [entry.strip() for entry in value.split(",")]


def complaint(entries: Sequence[str], count: int) -> str:
    """A sentence where only the first `count` entries name a card each; "" where all do."""
    if count >= len(entries):
        return ""
    used = "no GPU is used" if not count else f"only the {count} before it {'is' if count == 1 else 'are'} used"
    return f"{VARIABLE} names {entries[count]!r}, which is no card of this machine (or one named twice): {used}"
