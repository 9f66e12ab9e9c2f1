"""How much of the host's memory is free, by the system and by the control group that this process is in."""

from pathlib import Path


def free_memory_bytes(root: Path = Path("/")) -> int | None:
    """Bytes that can be taken; None where the system does not say (not Linux)."""
    found = [_available(root / "proc/meminfo"), _left_of_group(root / "sys/fs/cgroup")]
    return min((value for value in found if value is not None), default=None)


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if kib is None else int(kib) * 1024


def _left_of_group(group: Path) -> int | None:
    """Of version 2; what the group only caches counts as free."""
    try:
        most, used = (group / "memory.max").read_text().strip(), int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if most == "max" else int(most) - used + int(stat.get("file", 0))
