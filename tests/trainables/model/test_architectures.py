"""The architectures: each is known in one place, and an unknown one says which are."""

import ast
from functools import partial
from pathlib import Path

import pytest
import torch

from search_spaces.errors import UsageError
from tests.make import models as tiny
from trainables.model.architectures import ARCHITECTURES, Architecture, first_position, layer_list, max_positions
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("bert", "roberta", "electra", "distilbert", "modernbert", "mpnet")
CPU = torch.device("cpu")


def test_these_architectures_are_known():
    assert tuple(ARCHITECTURES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_its_layers_are_found(name):
    assert len(layer_list(tiny.model(name))) == 4


def test_positions_of_roberta_start_after_the_padding_id():
    assert max_positions(tiny.config("roberta")) == 64
    assert max_positions(tiny.config("bert")) == 64


def test_no_other_file_names_one():
    """As a string of its own; "bert" is the model of the demo, too."""
    for folder in ("search_spaces", "trainables", "tuner", "analysis"):
        for file in (ROOT / folder).rglob("*.py"):
            found = {n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant)}
            assert file.name == "architectures.py" or not found & {*NAMES}, file


@pytest.fixture
def made_up():
    """A BERT under another name, whose positions begin behind the padding id."""
    ARCHITECTURES.add(Architecture("made-up", "encoder.layer", positions_after_padding=True))
    model = tiny.model()
    model.config.model_type = "made-up"
    yield model
    del ARCHITECTURES["made-up"]


def test_a_new_one_is_its_entry(made_up):
    assert (first_position(made_up.config), max_positions(made_up.config)) == (1, 63)
    model = cut(made_up, 2, torch.float32, CPU)
    assert len(layer_list(model)) == 2
    use_packed_attention(model, classify=True)
    assert type(layer_list(model)[-1]).__name__ == "FirstTokens"


def test_one_that_is_not_entered_says_which_are():
    model = tiny.model()
    model.config.model_type = "made-up"
    for ask in (layer_list, partial(cut, depth=1, dtype=torch.float32, device=CPU), lambda m: first_position(m.config)):
        with pytest.raises(UsageError, match=r"an architecture must be one of bert, .* but got 'made-up'; enter it in"):
            ask(model)
