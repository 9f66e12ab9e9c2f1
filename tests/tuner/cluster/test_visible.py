"""CUDA_VISIBLE_DEVICES as CUDA reads it: up to the first entry that is no card."""

import pytest

from tuner.cluster.visible import complaint, named, usable

CARDS = ("GPU-aaaa1111-0000", "GPU-aaaa2222-0000", "GPU-bbbb3333-0000")


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        (["0", "2"], 2),
        (["banana"], 0),
        (["0", "banana", "1"], 1),
        (["3"], 0),
        (["-1", "0"], 0),
        (["1", "1"], 1),
        (["0", "GPU-aaaa1111"], 1),  # the same card
        (["GPU-bbbb3333-0000", "GPU-aaaa2"], 2),
        (["GPU-aaaa"], 0),  # two begin so
        (["GPU-cccc"], 0),
        (["MIG-1-2-3"], 1),
        ([""], 0),
        (["\u0661"], 0),  # a digit, of another script
    ],
)
def test_entries_that_cuda_takes(entries: list[str], count: int) -> None:
    assert usable(entries, CARDS) == count


def test_sentences() -> None:
    assert complaint(["0", "1"], 2) == ""
    assert complaint(["banana"], 0).endswith(
        "names 'banana', which is no card of this machine (or one named twice): no GPU is used"
    )
    assert complaint(["0", "7", "1"], 1).endswith("only the 1 before it is used")


@pytest.mark.parametrize(
    ("value", "entries"),
    [(None, None), ("", None), (" ", None), ("-1", None), ("0, 1", ["0", "1"]), ("banana", ["banana"])],
)
def test_the_variable(monkeypatch: pytest.MonkeyPatch, value: str | None, entries: list[str] | None) -> None:
    if value is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert named() == entries
