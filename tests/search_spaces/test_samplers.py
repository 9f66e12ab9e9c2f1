"""The samplers are known in one place: what it names is there, and what the command line says is all of it."""

import pkgutil
import re

import pytest

from search_spaces.errors import UsageError
from search_spaces.samplers import SAMPLERS, Sampler
from search_spaces.search_config import SearchConfig
from search_spaces.search_space import SearchSpace
from tuner.search.command import parse
from tuner.search.sampler import make_sampler

VALUES = ((16, 32), (1, 2), ("fp32",), (64,), ("max_length",), ("eager",))
SPACE = SearchSpace("sst2", "m", 42, VALUES)


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=list(SAMPLERS))
def test_every_factory_is_there(sampler):
    assert callable(pkgutil.resolve_name(sampler.factory))


def test_help_names_every_sampler(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert set(SAMPLERS) <= set(re.findall(r"\w+", capsys.readouterr().out))


def test_a_sampler_of_ones_own_is_one_entry(monkeypatch):
    mine = Sampler("mine", "as random", "tuner.search.optuna_samplers:uniform")
    monkeypatch.setitem(SAMPLERS, "mine", mine)
    assert SearchConfig(sampler="mine").sampler == "mine"
    assert type(make_sampler("mine", SPACE, 0).inner) is type(make_sampler("random", SPACE, 0).inner)


def test_an_unknown_sampler_is_told_which_there_are():
    with pytest.raises(UsageError, match="a sampler must be one of additive, gp, tpe, nsga2, random, but got 'cma'"):
        SearchConfig(sampler="cma")
