"""Captured graphs, as far as they need no card."""

import torch

from trainables.backends.capture import copies


def test_copies_are_grouped_by_dtype():
    static = {"a": torch.zeros(3), "b": torch.zeros(2, dtype=torch.int64), "c": torch.zeros(1)}
    new = {"a": torch.ones(3), "b": torch.full((2,), 7), "c": torch.full((1,), 5.0)}
    groups = copies(static, new)
    assert sorted(len(into) for into, _ in groups) == [1, 2]
    for into, source in groups:
        torch._foreach_copy_(into, source)
    assert all(torch.equal(static[name], new[name]) for name in new)
