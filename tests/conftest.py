"""Shared fixtures: a tiny random BERT of every size a test needs, inputs of known lengths, Ray kept local."""

import os

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["JOULETUNE_CACHE"] = "off"  # a test tokenises what it tests; test_token_cache.py turns it on


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start Ray share one of xdist's workers: two Rays on two cores starve each other."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))
