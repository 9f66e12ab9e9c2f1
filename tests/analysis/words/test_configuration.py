"""A configuration in words."""

from analysis.words.configuration import describe
from tests.make.tables import baseline, configurations


def test_describe_names_precision_length_and_depth() -> None:
    table = configurations()
    row = baseline(table)
    assert describe(row) == "fp32 · 128 tokens · 12 layers"
    assert describe(row, short=True) == "fp32 · 128 tok · 12 L"
    row["depth"] = 1
    assert describe(row, ("depth", "batch_size")) == "1 layer · batch 64"
