"""Shared fixtures, Ray kept local, and which tests share one of xdist's workers."""

import gc
import os
from collections.abc import Iterator

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["JOULETUNE_CACHE"] = "off"  # a test tokenises what it tests; test_token_cache.py turns it on


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def sketches() -> Iterator[None]:
    """Reports without drawing: tests/make/sketches.py."""
    from tests.make.sketches import sketched  # Matplotlib and pandas, which few tests need

    with sketched():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--one-case", action="store_true", help="of each parametrised test the first case alone")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Which cases run, and which tests share one of xdist's workers (`--dist loadgroup`).

    Those that start Ray, which begin at once since together they take longest: two Rays on two cores starve each other.
    Those that take a fixture made once for several tests, so that it is made once, not once on each worker.
    """
    if config.getoption("one_case"):
        first = {item.nodeid.split("[")[0]: item for item in reversed(items)}
        kept = set(first.values())
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]
    for item in items:
        group = "ray" if item.get_closest_marker("ray") else _shared_fixture(item)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)


def pytest_collection_finish() -> None:
    """What was imported stays: no later collection, which a trial starts, goes through it."""
    gc.freeze()


def _shared_fixture(item: pytest.Item) -> str:
    """Where the test's fixture that outlives a test comes from; "" where it takes none of these tests' own."""
    fixtures = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]  # type: ignore[attr-defined]
    own = sorted((f.scope, f.baseid) for f in fixtures if f.scope in ("module", "session") and f.baseid)
    return "" if not own else own[-1][1] if own[-1][0] == "session" else item.nodeid.split("::")[0]
