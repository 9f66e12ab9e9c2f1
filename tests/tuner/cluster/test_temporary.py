"""The folder that a Ray started here gets: closed to others, short, and gone afterwards. No Ray is started."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from tuner.cluster.temporary import LOCK, MAX_SOCKET_BYTES, PREFIX, private_folder

SOCKET = "session_2026-12-31_23-59-59_999999_4194304/sockets/plasma_store"  # with the largest process id of Linux


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short temporary folder of the test's own."""
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_the_folder_is_private_short_and_removed(base: Path) -> None:
    with private_folder() as folder:
        assert folder.is_dir()
        assert folder.parent.parent == base
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        folder.chmod(0o777)  # as Ray does it
        (folder / "session_latest").symlink_to("/etc")
        assert len(os.fsencode(folder / SOCKET)) <= MAX_SOCKET_BYTES
    assert list(base.iterdir()) == []
    assert Path("/etc").is_dir()


@pytest.mark.parametrize("length", [6, 70, 200])
def test_a_long_tmpdir_is_passed_over(monkeypatch: pytest.MonkeyPatch, base: Path, length: int) -> None:
    long = base / ("\u00e9" * (length // 2))  # two bytes each
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with private_folder() as folder:
        assert len(os.fsencode(folder / SOCKET)) <= MAX_SOCKET_BYTES
        assert folder.is_relative_to(long) == (length == 6)
        inner = folder.parent
    assert not inner.exists()


def test_a_long_ray_tmpdir_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, base: Path) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(base / ("a" * 60)))
    with pytest.raises(UsageError, match="RAY_TMPDIR must have at most"), private_folder():
        pass
    monkeypatch.setenv("RAY_TMPDIR", str(base / "absent"))
    with pytest.raises(UsageError, match=r"none can be made in .*absent"), private_folder():
        pass
    monkeypatch.setenv("RAY_TMPDIR", str(base))
    with private_folder() as folder:
        assert folder.parent.parent == base


def test_what_a_killed_driver_left_goes_and_what_a_running_one_has_stays(base: Path) -> None:
    left = base / f"{PREFIX}left"
    (left / "ray").mkdir(parents=True)
    (left / LOCK).touch()
    precious = base / "precious"
    precious.mkdir()
    (precious / LOCK).touch()
    (base / f"{PREFIX}planted").symlink_to(precious)
    (base / f"{PREFIX}new").mkdir()  # its driver has not locked it yet; or it is another program's
    (base / f"{PREFIX}new" / "lock").touch()
    with private_folder() as running, private_folder() as second:
        assert not left.exists()
        assert running.is_dir()
        assert second.is_dir()
    assert (precious / LOCK).exists()
    assert (base / f"{PREFIX}new").exists()
