"""What a run prints and keeps."""

import json

import numpy as np

from benchmarks.lib.output import json_text, table, write_json


def test_numbers_have_four_digits_and_what_is_missing_is_a_dash():
    assert table(("name", "J"), [("a", 1.23456), ("bb", None)]) == "name      J\na     1.235\nbb        -"


def test_json_has_a_key_or_an_object_a_line_and_its_lists_of_numbers_on_one():
    content = {"a": np.arange(3), "b": [{"x": 1, "y": [[1, 2], [3, 4]]}, {}], "c": [], "d": {"e": None}}
    text = json_text(content)
    assert json.loads(text) == {"a": [0, 1, 2], "b": [{"x": 1, "y": [[1, 2], [3, 4]]}, {}], "c": [], "d": {"e": None}}
    assert ' "a": [0, 1, 2],\n' in text
    assert '   "y": [[1, 2], [3, 4]]\n' in text
    assert text.count("\n") == 14


def test_json_goes_into_a_new_folder_or_nowhere(tmp_path):
    write_json(tmp_path / "new", "found", {"a": np.float64(1.5)})
    assert (tmp_path / "new" / "found.json").read_text() == '{\n "a": 1.5\n}\n'
    write_json(None, "found", {})
