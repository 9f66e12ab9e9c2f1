"""What several models of one sweep are read and refused for, before Ray starts."""

import json
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from search_spaces.sweep_config import Axes, Finetuning
from tests.make.demo_models import letters_model
from trainables.digest import digest_of
from trainables.model import loading
from tuner import inputs as inputs_module
from tuner.fresh_trials import baseline_of, planned_confirmation
from tuner.grid import main
from tuner.inputs import load_inputs
from tuner.plan import plan
from tuner.run.environment import digests
from tuner.run.folder import read_sweep
from tuner.run.resume import check_settings
from tuner.start import check_sources


@pytest.fixture
def letters(tmp_path):
    return letters_model(tmp_path / "letters")


@pytest.fixture
def config(letters):
    return replace(
        DEMO,
        model=("demo-bert", f"small={letters}"),
        axes=Axes((16,), (1, 4), ("fp32",)),
        finetuning=Finetuning(epochs=1, train_examples=16, train_max_seq_len=40),
        measuring=replace(DEMO.measuring, eval_examples=30),
    )


def test_the_examples_are_the_same_and_the_tokens_each_models_own(config):
    found = load_inputs(config)
    words, letters = found.models["demo-bert"], found.models["small"]
    assert words.validation.labels.tolist() == letters.validation.labels.tolist()
    assert words.train.labels.tolist() == letters.train.labels.tolist()
    order = [np.argsort(own.validation.first.lengths, kind="stable").tolist() for own in (words, letters)]
    assert order[0] != order[1], "by length they are in another order"
    assert (words.max_positions, letters.max_positions) == (80, 40)
    assert words.recipe_digest != letters.recipe_digest
    one = load_inputs(replace(config, model="demo-bert"))
    assert one.first.recipe_digest == words.recipe_digest, "whatever it is compared with"
    assert one.data_digest == found.data_digest


def test_models_that_disagree_on_the_labels_are_refused(config, letters, tmp_path):
    three = tmp_path / "three"
    task_labels = ("negative", "neutral", "positive")
    files = loading.load_pretrained(str(letters), "sequence_classification", task_labels, 1, True)
    loading.save(loading.from_files(files), three)
    loading.load_tokenizer(str(letters)).save_pretrained(three)
    two = tmp_path / "two"
    files = loading.load_pretrained(str(letters), "sequence_classification", ("negative", "positive"), 1, True)
    loading.save(loading.from_files(files), two)
    loading.load_tokenizer(str(letters)).save_pretrained(two)
    both = replace(config, checkpoint=(str(two), str(three)))
    with pytest.raises(UsageError, match=rf"{three}.*3"):
        load_inputs(both)
    found = load_inputs(replace(config, checkpoint=(str(two), f"again={two}")))
    assert list(found.models) == [str(two), "again"]
    assert found.first.recipe_digest == digest_of("checkpoint", found.first.checkpoint.weights)


def test_weights_that_do_not_fit_beside_each_other_are_refused(config, monkeypatch):
    monkeypatch.setattr(inputs_module, "free_memory_bytes", lambda: 100_000)
    said = r"must fit beside each other 2 times .*'0.0 GiB of free memory'"
    with pytest.raises(UsageError, match=said):
        load_inputs(replace(config, random_weights=True))
    assert load_inputs(replace(config, model="demo-bert")).models, "one is loaded as ever"
    monkeypatch.setattr(inputs_module, "load_pretrained", lambda *_: pytest.fail("loaded before it is known to fit"))
    with pytest.raises(UsageError, match=said):
        load_inputs(config)


def test_the_bytes_of_weights_are_known_without_loading_them(config, letters):
    for source in ("demo-bert", str(letters)):
        files = loading.load_pretrained(source, "sequence_classification", ("negative", "positive"), 1)
        held = sum(array.nbytes for array in files.weights.values())
        assert loading.weight_bytes(source, "sequence_classification", 2) == held


def test_inputs_to_fine_tune_with_that_a_model_has_no_positions_for_are_refused_before_anything_runs(config, letters):
    longer = replace(config, finetuning=replace(config.finetuning, train_max_seq_len=48))
    said = rf"must fit the 40 positions of {letters}, .*'48 tokens .*give --train-max-seq-len 40, for all models"
    with pytest.raises(UsageError, match=said):
        load_inputs(longer)
    words = replace(config, model="demo-bert", finetuning=replace(config.finetuning, train_max_seq_len=128))
    assert load_inputs(words).first.max_positions == 80, "no text of it is as long"
    assert load_inputs(replace(longer, random_weights=True)).models, "nothing is fine-tuned"


def test_an_architecture_that_is_not_known_is_named(config, tmp_path):
    (tmp_path / "other").mkdir()
    for name in ("gpt2", "unknown-to-transformers-too"):
        (tmp_path / "other" / "config.json").write_text(json.dumps({"model_type": name}))
        with pytest.raises(
            UsageError, match=rf"cannot use .*other': an architecture must be one of bert.*got '{name}'"
        ):
            plan(replace(config, model=("demo-bert", str(tmp_path / "other"))))


def test_a_dry_run_says_what_is_left_out_and_how_much_is_fine_tuned(config, letters, capsys):
    arguments = ["--model", "demo-bert", f"small={letters}", "--max-seq-len", "16", "--depth", "1", "4"]
    arguments += ["--precision", "fp32", "--eval-examples", "30", "--train-examples", "16", "--dry-run"]
    arguments += ["--train-max-seq-len", "40"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "depth 4 is left out for small, which has 2 layers" in out
    assert "demo-small-s42-len16-depth1-fp32-b64-max_length-eager-r0" in out
    assert "3 trials and at most 12 to confirm the choice" in out
    assert "after 2 fine-tunings" in out
    assert "confirm demo-demo-bert-s42-len16-depth4-fp32-b64-max_length-eager: 3 fresh trials" in out


def test_the_baseline_to_come_is_the_first_models(config):
    trials = plan(config).trials
    assert baseline_of(trials, ["demo-bert", "small"]).model == "demo-bert"
    assert baseline_of(trials, ["small", "demo-bert"]).model == "small"
    turned = replace(config, model=config.model[::-1])
    assert planned_confirmation(turned, trials)[0][0].startswith("demo-small-s42-len16-depth1-")


def test_the_model_of_the_baseline_is_kept_in_the_sweep_and_decides_what_comes_first(config, letters, capsys):
    arguments = ["--model", "demo-bert", f"small={letters}", "--max-seq-len", "16", "--depth", "1", "full"]
    arguments += ["--precision", "fp32", "--eval-examples", "30", "--random-weights", "--dry-run"]
    assert main([*arguments, "--baseline-model", "small"]) == 0
    assert "confirm demo-small-s42-len16-depth2-fp32-b64-max_length-eager: 3 fresh trials" in capsys.readouterr().out
    named = replace(config, baseline_model="small")
    assert list(load_inputs(named).models) == ["small", "demo-bert"]
    with pytest.raises(UsageError, match=r"baseline_model was None and is small; leave --baseline-model out, and give"):
        check_settings(config, named, anyway=True)


def test_other_models_are_another_run_and_folders_must_stay(config, letters, tmp_path):
    with pytest.raises(UsageError, match=r"model was demo-bert and is demo-bert small=.*another run"):
        check_settings(replace(config, model="demo-bert"), config, anyway=True)
    found = digests(config)
    assert {name.partition("/")[0] for name in found} == {"model small"}
    check_sources(found, config)
    letters.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="goes on with the model small it was started with, the folder"):
        check_sources(found, config)


def test_a_run_of_before_is_read(tmp_path, config):
    before = DEMO.to_dict() | {"model": "./mine", "checkpoint": "./tuned"}
    (tmp_path / "sweep.json").write_text(json.dumps(before))
    found = read_sweep(tmp_path)
    assert (found.model, found.checkpoint) == (("./mine",), ("./tuned",))
    assert json.loads(json.dumps(found.to_dict())) == json.loads(json.dumps(before))
