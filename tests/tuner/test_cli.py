"""What every command line says of a mistake, and on which terminals."""

import errno
import io
import os
import sys
from typing import Any

import pytest

from analysis.cli import Reading
from analysis.cli import run as analysis_run
from search_spaces.errors import not_open
from serving import command as serving_command
from tuner.cli import run_command


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_a_character_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: print("caf\u00e9 \u2192 \udcff") or 0)  # type: ignore[func-returns-value]
    assert ended.value.code == 0
    sys.stdout.flush()
    assert raw.getvalue() == {
        "ascii": b"caf? ? ?\n", "latin-1": b"caf\xe9 ? ?\n", "utf-8": "caf\u00e9 \u2192 ?\n".encode()
    }[encoding]  # fmt: skip


def test_whoever_reads_may_stop_early(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`... | head`: no traceback, neither here nor from Python's last flush."""
    for command in (
        lambda: analysis_run(lambda _: print("much") or 0, Reading, "report", "", []),  # type: ignore[func-returns-value]
        lambda: run_command(lambda: print("much") or 0),  # type: ignore[func-returns-value]
    ):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "w") as gone, monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", gone)
            try:
                code = command()
            except SystemExit as ended:
                code = ended.code  # type: ignore[assignment]
        assert code == 141
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP])
@pytest.mark.parametrize("run", [run_command, serving_command.run_command])
def test_a_file_that_is_closed_is_one_line(capsys: pytest.CaptureFixture[str], number: int, run: Any) -> None:
    def command() -> int:
        raise OSError(number, os.strerror(number), "/somewhere/file")

    with pytest.raises(SystemExit) as ended:
        run(command)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert f"/somewhere/file: {os.strerror(number)}; " in line


def test_an_error_of_our_own_is_not_the_users() -> None:
    assert not_open(OSError(errno.EBADF, "Bad file descriptor", "x")) is None
    assert not_open(PermissionError(errno.EPERM, "without a name")) is None
    with pytest.raises(OSError, match="Bad file"):
        run_command(lambda: (_ for _ in ()).throw(OSError(errno.EBADF, "Bad file descriptor")))
