"""Digests tell values apart, and do not depend on who made them."""

import numpy as np
import pytest

from trainables.digest import SHOWN, digest_of
from trainables.tasks.base import Ragged


def test_no_two_values_share_a_digest():
    values = [
        "ab", b"ab", ("ab",), ("a", "b"), ("a", ("b",)), (("a",), "b"), (), "", None, 0, False, 0.0, "None", {"a": 1},
        {"a": "1"}, (("a", 1),),
        np.array([1, 2]), np.array([1, 2], dtype=np.int32), np.array([[1, 2]]), Ragged.from_lists([[1], [2]]),
        Ragged.from_lists([[1, 2]]),
    ]  # fmt: skip
    assert len({digest_of(v) for v in values}) == len(values)


def test_a_digest_depends_on_the_value_alone():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest_of({"b": 1, "a": array}) == digest_of({"a": np.asfortranarray(array), "b": 1})
    assert digest_of({"a": array}) == "f4f7f42ea62dbb02"
    assert len(digest_of("")) == SHOWN


def test_what_has_no_digest_is_an_error():
    with pytest.raises(TypeError, match="no digest of set"):
        digest_of({1})
