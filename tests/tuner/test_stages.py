"""A line per stage of a start: whole where nobody looks on, from its beginning on a terminal."""

import sys

import pytest

from tuner.stages import stage, stage_line


def test_a_stage_is_one_line_with_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with stage("starting Ray"):
        print("within")
    assert capsys.readouterr().out == "within\nstarting Ray: 0.0 s\n"
    assert stage_line("starting Ray", 1.55) == "starting Ray: 1.6 s"


def test_on_a_terminal_it_stands_there_from_the_beginning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with stage("starting Ray"):
        assert capsys.readouterr().out == "starting Ray ..."
    assert capsys.readouterr().out == "\rstarting Ray: 0.0 s\n"
    with pytest.raises(ValueError, match="no"), stage("starting Ray"):
        raise ValueError("no")
    assert capsys.readouterr().out == "starting Ray ...\n"  # the error has a line of its own
