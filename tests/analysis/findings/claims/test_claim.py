"""The file of claims: what is none is one sentence."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from analysis.findings.claims.claim import PUBLISHED, load_claims
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


SCHEMA = json.loads((Path(__file__).parents[4] / "docs" / "claims.schema.json").read_text())
ODD = (
    {"claimed_ratio": None},
    {"claimed_ratio": -1},
    {"claimed_ratio": 0},
    {"claimed_ratio": True},
    {"claimed_ratio": "4"},
    {"from": "fp32"},
    {"from": {}},
    {"to": {"precision": None}},
    {"to": {"max_seq_len": True}},
    {"to": {"max_seq_len": [48]}},
    {"surprise": 1},
    {"accuracy_unchanged": "yes"},
    {"tasks": "sst2"},
    {"tasks": [1]},
    {"task": 1},
    {"claim": 1},
    {"sweep": 1},
    {"column": 1},
)
FINE = (
    {},
    {"task": "sst2"},
    {"tasks": ["sst2", "qqp"]},
    {"sweep": "seq_len", "column": "mean_power_w"},
    {"claim": "x"},
)


def read(file: Path) -> bool:
    try:
        load_claims(file)
    except UsageError:
        return False
    return True


@pytest.mark.parametrize("changes", [*ODD, *FINE])
def test_the_published_schema_and_the_reader_agree_on_a_claim(tmp_path, changes):
    file = claims_file(tmp_path, **changes)
    found = json.loads(file.read_text())
    agrees = Draft202012Validator(SCHEMA).is_valid
    assert agrees(found) == agrees({"claims": found}) == read(file) == (changes in FINE)


@pytest.mark.parametrize(
    ("around", "fine"),
    [
        ({}, True),
        ({"about": "anything", "sensor_averaging_s": 0.5, "rows": "rows.csv", "rows_source": "a paper"}, True),
        ({"rows": None}, True),
        ({"claims": []}, False),
        ({"claims": None}, False),
        ({"rows": "elsewhere/rows.csv"}, False),
        ({"rows": 1}, False),
        ({"sensor_averaging_s": -1}, False),
        ({"sensor_averaging_s": "1"}, False),
    ],
)
def test_they_agree_on_what_is_around_the_claims(tmp_path, around, fine):
    file = claims_file(tmp_path)
    whole = {"claims": json.loads(file.read_text())} | around
    file.write_text(json.dumps(whole))
    assert Draft202012Validator(SCHEMA).is_valid(whole) == read(file) == fine


def test_the_schema_is_one_and_holds_for_the_published_claims():
    Draft202012Validator.check_schema(SCHEMA)
    assert Draft202012Validator(SCHEMA).is_valid(json.loads(PUBLISHED.read_text()))
