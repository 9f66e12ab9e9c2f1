"""A mistyped option is one line with the nearest one."""

import pytest

from search_spaces.command_line import check_known, options_of
from search_spaces.errors import UsageError
from tuner.grid import GridArguments, parse


def test_the_nearest_option_is_named() -> None:
    check_known([], GridArguments, "grid")
    for unknown, said in (
        (["3", "--max_seqlen=3"], "but got --max_seqlen; perhaps --max-seq-len$"),
        (["--nonsense"], "but got --nonsense; see grid --help$"),
        (["stray"], "but got stray; see grid --help$"),
    ):
        with pytest.raises(UsageError, match=said):
            check_known(unknown, GridArguments, "grid")


def test_options_are_the_fields_of_all_dataclasses_within() -> None:
    """Each is one that the parser knows."""
    found = set(options_of(GridArguments))
    assert {"--max-seq-len", "--learning-rate", "--output-dir", "--no-confirm", "--dashboard", "--preset"} <= found
    assert parse(["--no-confirm", "--output-dir", "x"]).run.confirm is False
    with pytest.raises(UsageError, match="perhaps --output-dir"):
        parse(["--ouput-dir", "x"])
