"""How many threads a trial may have."""

from search_spaces.errors import check


def check_threads(cpu_threads: int | None, cores: int, whose: str) -> None:
    """UsageError where a trial is to have more threads than cores: they would wait for each other."""
    check(
        cpu_threads is None or cpu_threads <= cores,
        f"--cpu-threads must be at most {cores}, the cores of {whose}",
        cpu_threads,
        "leave it out to take all of a CPU host, up to 4 per GPU",
    )
