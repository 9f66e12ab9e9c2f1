"""That energies of windows too short for their sensor were used."""

from trainables.rows.flags import MIN_WINDOW_S


def sentences(trials: int) -> list[str]:
    """`trials`: how many were kept; none is worth no word."""
    if not trials:
        return []
    whose = "1 trial has windows" if trials == 1 else f"{trials} trials have windows"
    return [
        f"{whose} shorter than {MIN_WINDOW_S:g} s, kept on request: their energies are too low by an "
        "unknown amount, and so is every saving, line and frontier that rests on them."
    ]
