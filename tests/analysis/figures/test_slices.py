"""Which configurations stand in one picture."""

from analysis.figures.slices import paper_slices
from tests.make.tables import baseline, configurations


def test_slices_hold_the_other_settings_at_the_baseline() -> None:
    table = configurations()
    slices, missing = paper_slices(table, baseline(table))
    assert {s.name: len(s.table) for s in slices} == {
        "length": 5,
        "depth": 4,
        "precision": 2,
        "precision_x_length": 10,
        "all": 40,
    }
    assert missing == []
    length = slices[0].table
    assert set(length["depth"]) == {12}
    assert set(length["precision"]) == {"fp32"}
    assert slices[0].title == "Length (at 12 layers, fp32)"


def test_a_slice_that_cannot_be_made_says_why() -> None:
    table = configurations(precisions=("fp32",), depths=(12,))
    slices, missing = paper_slices(table, baseline(table))
    assert [s.name for s in slices] == ["length"]
    assert len(missing) == 3
    assert "the run holds one depth only" in missing[0]
