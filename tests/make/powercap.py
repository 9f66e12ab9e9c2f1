"""A powercap folder as Linux has it under /sys/class."""

from pathlib import Path


def zone(root: Path, directory: str, name: str, energy_uj: int, range_uj: int = 1_000_000) -> Path:
    """A zone of `root` whose counter stands at `energy_uj` and wraps at `range_uj`."""
    path = root / directory
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return path
