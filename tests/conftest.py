"""Shared fixtures: a tiny random BERT of every size a test needs, inputs of known lengths, Ray kept local."""

import os

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["JOULETUNE_CACHE"] = "off"  # a test tokenises what it tests; tests/test_token_cache.py turns it on


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
