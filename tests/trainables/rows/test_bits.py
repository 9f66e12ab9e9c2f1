"""Right and wrong answers as text."""

import base64

import numpy as np
import pytest

from trainables.rows.bits import decode_bits, encode_bits


def test_bits_survive_the_round_trip():
    bits = np.random.default_rng(0).random(873) < 0.9
    assert (decode_bits(encode_bits(bits), 873) == bits).all()
    with pytest.raises(ValueError, match="fewer than the 900"):
        decode_bits(encode_bits(bits), 900)


def test_the_order_is_that_of_the_split():
    assert base64.b64decode(encode_bits([True, False, False, False, False, False, False, False, True])) == b"\x80\x80"
