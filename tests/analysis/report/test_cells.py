"""Text cells: numbers rounded to their error, empty cells sorted last."""

from analysis.report.cells import Cell, quantity_cell, saving_cell, text_table
from analysis.words.quantities import LATENCY, Quantity
from analysis.words.rounding import MISSING

ENERGY = Quantity("energy", "Energy (mJ/example)", 1e3, error_column="error")


def test_a_quantity_is_told_in_its_unit_with_its_error() -> None:
    assert quantity_cell({"energy": 0.01234, "error": 0.0005}, ENERGY) == Cell("12.3 ± 0.5", 0.01234, True)
    assert quantity_cell({"energy": 0.01234, "error": None}, ENERGY).text == "12.3"
    assert quantity_cell({"energy": None}, ENERGY) == Cell(MISSING, "", True)
    assert (ENERGY.unit, LATENCY.unit) == ("mJ/example", "ms/example")


def test_a_wide_interval_is_told_as_a_factor() -> None:
    assert quantity_cell({"energy": 0.021, "error": 0.027}, ENERGY).text == "21 ×/÷ 3.6"


def test_a_saving_has_its_interval_or_says_that_it_is_one_trial() -> None:
    row = {"energy_ratio": 2.6131, "energy_ratio_low": 2.5531, "energy_ratio_high": 2.6812, "n_trials": 2}
    assert saving_cell(row) == Cell("2.61 ×/÷ 1.025", 2.6131, True)
    assert saving_cell(row | {"n_trials": 1}) == Cell("2.61, one trial", 2.6131, True)
    assert saving_cell(row, repeated=False) == Cell("2.61, one trial", 2.6131, True)
    assert saving_cell(row | {"energy_ratio": float("nan")}) == Cell(MISSING, "", True)


def test_a_table_of_texts_takes_its_heads_from_the_rows() -> None:
    table = text_table([{"Card": "a", "Trials": "2"}, {"Card": "b", "Trials": "1"}], "Two cards.")
    assert [head.text for head in table.heads] == ["Card", "Trials"]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["a", "2"], ["b", "1"]]
    assert table.note == "Two cards."
    assert text_table([]).heads == []
