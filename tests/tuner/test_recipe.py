"""The digest of what made the weights: the same for other seeds, another for whatever else changes them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.presets import DEMO
from search_spaces.sweep_config import Finetuning
from trainables.model import loading
from trainables.tasks import get_task
from tuner.inputs import load_inputs
from tuner.recipe import recipe_digest


def small(**changes):
    measuring = replace(DEMO.measuring, eval_examples=20)
    return replace(DEMO, measuring=measuring, finetuning=Finetuning(epochs=1, train_examples=16), **changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of the demo's shape with its tokenizer, as a folder of somebody's."""
    path = tmp_path / "model"
    task = get_task("demo")
    files = loading.load_pretrained("demo-bert", task.head, ("negative", "positive"), seed=1)
    loading.save(loading.from_files(files), path)
    loading.load_tokenizer("demo-bert").save_pretrained(path)
    return path


@pytest.mark.seconds
def test_the_seed_is_not_of_the_recipe_and_the_training_is():
    first = load_inputs(small())
    assert load_inputs(small(seeds=(1, 2, 3))).first.recipe_digest == first.first.recipe_digest
    more = replace(small(), finetuning=Finetuning(epochs=2, train_examples=16))
    longer = replace(small(), finetuning=Finetuning(epochs=1, train_examples=17))
    assert (
        len({first.first.recipe_digest, load_inputs(more).first.recipe_digest, load_inputs(longer).first.recipe_digest})
        == 3
    )
    assert load_inputs(longer).data_digest == first.data_digest


def test_all_training_examples_are_the_same_whether_asked_for_by_number_or_not():
    every = len(get_task("demo").load("train", None, None).first)
    asked = replace(small(), finetuning=Finetuning(epochs=1, train_examples=every))
    unasked = replace(small(), finetuning=Finetuning(epochs=1))
    assert load_inputs(asked).first.recipe_digest == load_inputs(unasked).first.recipe_digest


def test_other_evaluation_examples_are_other_data():
    fewer = replace(small(), measuring=replace(DEMO.measuring, eval_examples=19))
    assert load_inputs(fewer).data_digest != load_inputs(small()).data_digest


def test_a_folder_is_known_by_its_files_wherever_it_lies(folder, tmp_path):
    before = load_inputs(small(model=str(folder))).first.recipe_digest
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    (moved / "README.md").write_text("A card changes nothing.")
    assert load_inputs(small(model=str(moved))).first.recipe_digest == before
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert load_inputs(small(model=str(moved))).first.recipe_digest != before


def test_two_checkpoints_are_two_recipes_and_a_copy_is_none(folder, tmp_path):
    task = get_task("demo")
    labels = ("negative", "positive")
    found = []
    for path in (folder, shutil.copytree(folder, tmp_path / "copy")):
        found.append(load_inputs(small(checkpoint=str(path))).first.recipe_digest)
    other = tmp_path / "other"
    loading.save(loading.from_files(loading.load_pretrained("demo-bert", task.head, labels, seed=2)), other)
    loading.load_tokenizer("demo-bert").save_pretrained(other)
    found.append(load_inputs(small(checkpoint=str(other))).first.recipe_digest)
    assert found[0] == found[1] != found[2]


def test_random_weights_are_of_their_architecture(folder):
    config = small(model=str(folder), random_weights=True)
    first = recipe_digest(config, str(folder), None, None)
    assert recipe_digest(replace(config, seeds=(7,)), str(folder), None, None) == first
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"num_hidden_layers": 4', '"num_hidden_layers": 3'))
    assert (folder / "config.json").read_text() != text
    assert recipe_digest(config, str(folder), None, None) != first
