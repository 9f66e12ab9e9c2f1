"""The driver is SIGKILLed at moments that nobody chose: tests/faults/kills.py, with few kills."""

import pytest

from tests.faults.kills import campaign

KILLS = 4


@pytest.mark.timeout(900)
def test_no_row_is_lost_or_changed(tmp_path):
    told = list(campaign(tmp_path, KILLS, seed=0))
    assert sum(line.startswith("kill ") for line in told) == KILLS
    assert told[-1].endswith("12 rows, as written first")
