"""Ray's token: who holds it can run any code as the user whose Ray it is."""

import os
import secrets
import stat
from pathlib import Path

from search_spaces.errors import UsageError
from trainables.ray_variables import AUTH_MODE, TOKEN, TOKEN_PATH, asks_for_token


def token_file() -> Path:
    """Where Ray keeps the token."""
    return Path(os.environ.get(TOKEN_PATH) or Path("~").expanduser() / ".ray" / "auth_token")


def make_token(fallback: Path) -> dict[str, str]:
    """Make the token that Ray would make, but readable for its owner alone; nothing where there is one.

    `fallback`: a private folder for it where the home cannot be written. Returns what the environment must say then.
    """
    if not asks_for_token() or os.environ.get(TOKEN) or os.environ.get(TOKEN_PATH):
        return {}
    file = token_file()
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(file)
    except FileExistsError:  # another run was faster
        pass
    except OSError:
        file = fallback / "auth_token"
        _write(file)
        return {TOKEN_PATH: str(file)}
    try:
        token = file.read_text().strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"Ray's token must be readable, but {file}: {error}; delete it, Ray makes another") from error
    if not token:
        raise UsageError(f"Ray's token must not be empty, but {file} is; delete it, Ray makes another")
    return {}


def _write(file: Path) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w") as opened:
        opened.write(secrets.token_hex(32))


def token_warnings() -> list[str]:
    """What is not safe about the token."""
    if not asks_for_token():
        return [f"warning: {AUTH_MODE} is off, so every user of this machine can run code as you through Ray"]
    if not os.environ.get(TOKEN) and others_can(token_file(), stat.S_IROTH):
        return [
            f"warning: other users of this machine can read Ray's token and with it run code as you; "
            f"chmod 600 {token_file()}"
        ]
    return []


def others_can(path: Path, bit: int) -> bool:
    """May another user of this machine do that (a bit of a mode, such as S_IROTH) by the path's mode and those of the
    folders above?"""
    try:
        ways = [(path, bit)] + [(folder, stat.S_IXOTH) for folder in path.absolute().parents]
        return all(p.stat().st_mode & needed for p, needed in ways)
    except OSError:
        return False
