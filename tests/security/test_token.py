"""Ray's token: made for its owner alone, and a warning where others can read it, dashboard or not."""

import os
import stat
from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from tuner.cluster.token import make_token, others_can, token_file, token_warnings


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_token_is_made_for_its_owner_alone(home: Path, tmp_path: Path) -> None:
    before = os.umask(0)  # whatever it is
    try:
        assert make_token(tmp_path) == {}
    finally:
        os.umask(before)
    assert token_file() == home / ".ray" / "auth_token"
    assert stat.S_IMODE(token_file().stat().st_mode) == 0o600
    token = token_file().read_text()
    assert len(token) == 64
    make_token(tmp_path)
    assert token_file().read_text() == token, "one that is there stays"


@pytest.mark.parametrize(
    ("name", "value"), [("RAY_AUTH_MODE", "disabled"), ("RAY_AUTH_TOKEN", "x"), ("RAY_AUTH_TOKEN_PATH", "/nowhere")]
)
def test_no_token_is_made_where_another_is_named(
    monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert make_token(tmp_path) == {}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("nowhere", ["/proc/nowhere", "/dev/null"])
def test_without_a_home_it_lies_beside_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nowhere: str) -> None:
    monkeypatch.setenv("HOME", nowhere)
    assert make_token(tmp_path) == {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "auth_token")}
    assert stat.S_IMODE((tmp_path / "auth_token").stat().st_mode) == 0o600


@pytest.mark.parametrize(("content", "said"), [(b"", "must not be empty"), (b"\xff\xfe", "must be readable")])
def test_a_token_that_is_none_is_named(home: Path, tmp_path: Path, content: bytes, said: str) -> None:
    (home / ".ray").mkdir()
    token_file().write_bytes(content)
    with pytest.raises(UsageError, match=said):
        make_token(tmp_path)


def test_a_token_that_others_can_read_is_warned_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir(mode=0o755)
    token = tmp_path / "inner" / "token"
    token.write_text("secret")
    token.chmod(0o600)
    assert not others_can(token, stat.S_IROTH)
    token.chmod(0o644)
    (tmp_path / "inner").chmod(0o700)
    assert not others_can(token, stat.S_IROTH)
    assert not others_can(tmp_path / "absent", stat.S_IROTH)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    assert token_warnings() == []
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/etc/hosts")  # the test's own folders are closed to others
    (warned,) = token_warnings()
    assert "other users of this machine can read Ray's token" in warned
    assert "chmod 600 /etc/hosts" in warned
    monkeypatch.setenv("RAY_AUTH_TOKEN", "in the environment")
    assert token_warnings() == []
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "RAY_AUTH_MODE is off" in token_warnings()[0]


def test_a_folder_open_to_everybody_counts_only_where_it_can_be_reached() -> None:
    assert others_can(Path("/tmp"), stat.S_IWOTH)
    assert not others_can(Path("/proc/self/fd"), stat.S_IWOTH)
