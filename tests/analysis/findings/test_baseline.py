"""The baseline: what is asked for, then the nearest to what a baseline prefers on each axis."""

import pytest

from analysis.findings.baseline import find_baseline
from analysis.findings.configurations import configurations
from search_spaces.errors import UsageError
from tests.make.rows import frame, row


def test_the_default_baseline_and_one_of_choice():
    rows = frame([row(64, precision="fp16"), row(64), row(128, depth=6), row(128, backend="cuda_graph"), row(128)])
    table = configurations(rows)
    base = table.loc[find_baseline(table)]
    assert (base["max_seq_len"], base["depth"], base["precision"], base["backend"]) == (128, 12, "fp32", "eager")
    assert table.loc[find_baseline(table, {"precision": "fp16"})]["max_seq_len"] == 64
    with pytest.raises(UsageError, match="no clean row has precision = 'bf16'"):
        find_baseline(table, {"precision": "bf16"})
