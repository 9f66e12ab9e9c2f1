"""What is wrong with the text of a CSV table, and in which line as a spreadsheet counts them."""

from pathlib import Path

import pytest

from analysis.rows.table_file import load_table, read_table
from search_spaces.errors import UsageError

HEAD = "task,max_seq_len,depth,precision,energy_j_per_example,error\n"
ROW = 'sst2,128,12,fp32,0.4,"of two\nlines"\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEAD + ROW + "sst2,64\n", "line 3 has 2 cells, but the head has 6 names"),
        ("\n" + HEAD + ROW + "\nsst2,64\n", "line 5 has 2 cells"),
        (HEAD.replace(",", "\t"), "it is tab-separated: save it with commas"),
        (HEAD.replace(",", ";"), "it is semicolon-separated: save it with commas"),
    ],
)
def test_lines_are_those_of_a_spreadsheet(tmp_path: Path, content: str, message: str) -> None:
    (file := tmp_path / "rows.csv").write_text(content)
    with pytest.raises(UsageError, match=message):
        read_table(file)


def test_a_cell_that_cannot_be_is_found_in_its_line(tmp_path: Path) -> None:
    (file := tmp_path / "rows.csv").write_text(HEAD + ROW + ROW.replace("0.4", "much"))
    with pytest.raises(UsageError, match=r"but line 3 of rows\.csv has 'much'"):
        load_table(file, None)


def test_bytes_of_another_encoding_say_how_to_save(tmp_path: Path) -> None:
    (file := tmp_path / "rows.csv").write_bytes(b"task,error\nsst2,caf\xe9\n")
    with pytest.raises(UsageError, match=r"it is not UTF-8 \(.* at byte 19\): save it as UTF-8"):
        read_table(file)
