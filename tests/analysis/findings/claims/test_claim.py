"""The file of claims: what is none is one sentence."""

import pytest

from analysis.findings.claims.claim import load_claims
from search_spaces.errors import UsageError
from tests.make.claims import claims_file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claimed_ratio": None}, "lacks claimed_ratio"),
        ({"claimed_ratio": -1}, "number above zero"),
        ({"from": "fp32"}, "from must give columns"),
        ({"surprise": 1}, r"has \['surprise'\]"),
    ],
)
def test_a_bad_claim_is_one_sentence(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        load_claims(claims_file(tmp_path, **changes))
