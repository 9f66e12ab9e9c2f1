"""Cases 01, 02, 04, 11 and 12: models whose head, weights or tokenizer are not what the task and the config say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from search_spaces.presets import preset
from tests.cases.conftest import OPTIONS, WRONG, answers, run_script, sentences
from tests.make.passes import CPU
from trainables.load import cut, prepare
from trainables.model.loading import from_files
from trainables.tasks import get_task
from tuner.inputs import load_inputs
from tuner.plan import plan

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("variant", "says"),
    [
        ("one_label", "is for regression (one output); that is not supported yet"),
        ("three_labels", "must have the task's 2 classes, but got 3"),
    ],
)
def test_01_another_number_of_labels(models: Path, refused: Refused, variant: str, says: str) -> None:
    line = refused(*OPTIONS, "--checkpoint", models / variant, "--data-dir", models / "data")
    assert says in line


@pytest.mark.parametrize(("variant", "sentences_told"), [("demo", 0), ("reversed", 1)])
def test_02_another_order_of_the_labels(models: Path, variant: str, sentences_told: int) -> None:
    """The accuracy is that of the labels matched by name, 90 %; the classes by number would give 10 %."""
    config = replace(preset("sst2"), checkpoint=str(models / variant), data_dir=str(models / "data"))
    config = replace(config, axes=replace(config.axes, max_seq_len=(32,), depth=("full",), precision=("fp32",)))
    inputs = load_inputs(config)
    assert inputs.first.checkpoint is not None
    (trial,) = plan(config).trials
    task = get_task(config.task)
    with torch.inference_mode():
        model_inputs = task.inputs(inputs.first.validation, trial.max_seq_len)
        load = prepare(trial, cut(trial, from_files(inputs.first.checkpoint), CPU), model_inputs)
        scores = task.score(load.outputs(), inputs.first.validation, load.inputs)
    assert scores.metrics["accuracy"] == 1 - 1 / WRONG
    assert np.flatnonzero(~scores.correct).tolist() == list(range(0, 200, WRONG))
    assert sum("another order, 0=POSITIVE 1=NEGATIVE: they were matched by name" in w for w in inputs.warnings) == (
        sentences_told
    )


def test_02_by_number_it_would_be_far_below_chance(models: Path) -> None:
    """That the case is still the case."""
    texts = sentences(models / "data" / "dev.tsv")
    assert answers(models / "reversed", texts) == [1 - a for a in answers(models / "demo", texts)]


@pytest.mark.parametrize("option", ["--model", "--checkpoint"])
@pytest.mark.parametrize(
    ("variant", "prefix"), [("orig_mod", "_orig_mod."), ("module", "module."), ("lightning", "model.")]
)
def test_04_weights_behind_a_prefix(models: Path, refused: Refused, option: str, variant: str, prefix: str) -> None:
    line = refused(*OPTIONS, option, models / variant, "--data-dir", models / "data")
    assert "lacks bert.embeddings.LayerNorm.bias and " in line
    assert f"has no place for {prefix}bert.embeddings.LayerNorm.bias and " in line
    assert f"its names begin with '{prefix}'" in line
    assert "--model to fine-tune it first" not in line


def test_11_a_tokenizer_written_in_python(cases: Path, models: Path, tmp_path: Path, refused: Refused) -> None:
    run_script(cases / "11-python-tokenizer" / "make.py", str(tmp_path / "bertjp"))
    line = refused(*OPTIONS, "--checkpoint", tmp_path / "bertjp", "--data-dir", models / "data")
    assert "must be a fast one (with a tokenizer.json), but got 'BertJapaneseTokenizer'" in line


def test_12_more_tokens_than_rows_of_the_embedding(models: Path, refused: Refused) -> None:
    line = refused(*OPTIONS, "--checkpoint", models / "more_tokens", "--data-dir", models / "data_zzz")
    assert "must have a row of the embedding, which has 162, but got \"the id 162 of 'zzz'\"" in line


def test_12_no_padding_token(models: Path, refused: Refused) -> None:
    line = refused(*OPTIONS, "--checkpoint", models / "no_pad", "--data-dir", models / "data")
    assert "must have a padding token" in line
