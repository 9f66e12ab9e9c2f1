"""MPNet: the logits are plain Transformers', whatever pads, cuts, casts, compiles or trains it."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.trial_config import TrialConfig
from tests.make import models as tiny
from tests.make import tokenizers
from tests.make.case_data import tsv_data
from tests.make.exports import check_answers
from tests.make.measured_run import Case, measured_run, trial_of
from tests.make.passes import all_logits
from trainables import load
from trainables.model import loading
from trainables.model.architectures import first_position, layer_list, max_positions, takes_staged_mask
from trainables.model.attention import REACH
from trainables.model.attention.position_bias import bias_of_distance
from trainables.model.attention.sequences import Packing, attend_within, distances
from trainables.model.cut import cut
from trainables.model.quantized import QuantizedLinear, linears
from trainables.tasks.base import Inputs

CPU = torch.device("cpu")
PADDINGS = ("max_length", "longest", "packed")
LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11]
REAL = os.environ.get("JOULETUNE_MPNET")


def by_hand(master: Any, depth: int, inputs: Inputs) -> np.ndarray:
    """Logits of each input alone, of Transformers' own model without the layers behind `depth`."""
    layers = master.base_model.encoder.layer
    master.base_model.encoder.layer = layers[:depth]
    with torch.inference_mode():
        rows = [torch.from_numpy(inputs.ids[i].astype(np.int64))[None] for i in range(len(inputs.ids))]
        found = [master(input_ids=row).logits[0].numpy() for row in rows]
    master.base_model.encoder.layer = layers
    return np.stack(found)


def inputs_of(model: Any, lengths: list[int], seed: int = 0) -> Inputs:
    made = tiny.inputs(lengths, np.random.default_rng(seed), model.config.pad_token_id)
    return Inputs(made.ids, None, made.example, made.pad_id)


@pytest.mark.parametrize("depth", [1, 3, 4])
@pytest.mark.parametrize("padding", PADDINGS)
def test_logits_are_transformers_own(padding: str, depth: int) -> None:
    master = tiny.model("mpnet")
    inputs = inputs_of(master, LENGTHS)
    expected = by_hand(master, depth, inputs)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(all_logits(cut(master, depth, torch.float32, CPU), inputs, padding), expected, atol=1e-5)


@pytest.mark.seconds
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
@pytest.mark.parametrize("padding", ["packed", *(pytest.param(p, marks=pytest.mark.slow) for p in PADDINGS[:2])])
def test_compiled_they_are_too(padding: str) -> None:
    master = tiny.model("mpnet")
    inputs = inputs_of(master, LENGTHS)
    model = cut(master, 2, torch.float32, CPU)
    np.testing.assert_allclose(all_logits(model, inputs, padding, "compile"), by_hand(master, 2, inputs), atol=1e-5)


def test_a_bias_that_is_left_out_would_be_seen() -> None:
    master = tiny.model("mpnet")
    inputs = inputs_of(master, LENGTHS)
    model = cut(master, 4, torch.float32, CPU)
    model.base_model.encoder.table.zero_()
    assert np.abs(all_logits(model, inputs, "packed") - by_hand(master, 4, inputs)).max() > 0.01


@pytest.mark.parametrize("padding", PADDINGS)
def test_distances_beyond_the_table_are_the_last(padding: str) -> None:
    master = tiny.model("mpnet", max_position_embeddings=402)
    inputs = inputs_of(master, [400, 7, 391, 150])
    model = cut(master, 2, torch.float32, CPU)
    trial = TrialConfig("sst2", "tiny", 0, 400, 2, "fp32", batch_size=2, padding=padding)
    if padding == "packed":
        model = load.cut(trial, master, CPU)
    with torch.inference_mode():
        found = load.prepare(trial, model, inputs).outputs()
    np.testing.assert_allclose(found, by_hand(master, 2, inputs), atol=1e-5)


def test_the_table_is_transformers_bias_at_every_distance() -> None:
    encoder = tiny.model("mpnet").base_model.encoder
    tokens = 3 * REACH
    expected = encoder.compute_position_bias(torch.zeros(1, tokens, 1))[0]
    assert torch.equal(bias_of_distance(encoder)[:, distances(tokens, CPU)], expected)
    assert len(expected[0, 0].unique()) == 16
    assert not torch.equal(expected[0], expected[0].t())


def test_it_follows_the_weights_of_a_cut_model_and_is_cast_with_them() -> None:
    master = tiny.model("mpnet")
    before = cut(master, 4, torch.float32, CPU).base_model.encoder.table
    with torch.no_grad():
        master.base_model.encoder.relative_attention_bias.weight.mul_(2)
    after = cut(master, 4, torch.bfloat16, CPU).base_model.encoder.table
    assert after.dtype == torch.bfloat16
    assert torch.equal(after, (2 * before).bfloat16())


def test_a_staged_mask_is_for_the_cut_model_alone() -> None:
    """To Transformers' own attention a boolean mask is 0 and 1, added to scores."""
    master = tiny.model("mpnet")
    for implementation in ("sdpa", "eager"):  # whatever a config says, it is written by hand
        master.config._attn_implementation = implementation
        assert not takes_staged_mask(master)
    ids, real = torch.arange(5, 13)[None], torch.arange(8)[None] < 5
    with torch.inference_mode():
        alone = master(input_ids=ids[:, :5]).logits
        silently_wrong = master(input_ids=ids, attention_mask=real[:, None, None]).logits
        assert not torch.allclose(silently_wrong, alone, atol=1e-2)
        model = cut(master, 4, torch.float32, CPU)
        assert takes_staged_mask(model)
        for mask in (real[:, None, None], real, real.long()):
            torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).logits, alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_row_of_padding_alone_is_a_number(dtype: torch.dtype) -> None:
    model = cut(tiny.model("mpnet"), 4, dtype, CPU)
    real = torch.tensor([[True] * 8, [False] * 8])
    with torch.inference_mode():
        found = model(input_ids=torch.arange(5, 21).view(2, 8), attention_mask=real[:, None, None]).logits
        alone = model(input_ids=torch.arange(5, 13)[None]).logits
    assert bool(torch.isfinite(found).all())
    torch.testing.assert_close(found[:1], alone)


@pytest.mark.parametrize("table", [None, torch.randn(2, 2 * REACH + 1, generator=torch.Generator().manual_seed(1))])
def test_packed_attention_is_attention_within_each_sequence(table: torch.Tensor | None) -> None:
    """Also beside empty sequences: at the beginning, between others and at the end."""
    lengths = [0, 5, 1, 0, 0, 7, 3, 0]
    ends = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32)
    q, k, v = torch.randn(3, 1, 2, 16, 4, generator=torch.Generator().manual_seed(0))
    found = attend_within(q, k, v, Packing(ends, 9), None, table)
    for begin, n in zip(ends.tolist(), lengths, strict=False):
        one, two, three = (t[0, :, begin : begin + n] for t in (q, k, v))
        scores = one @ two.transpose(-1, -2) / 2
        if table is not None:
            scores += torch.stack([table[:, REACH - i : REACH - i + n] for i in range(n)], dim=1) if n else 0
        torch.testing.assert_close(found[begin : begin + n], (scores.softmax(-1) @ three).transpose(0, 1))


@pytest.mark.parametrize("padding", PADDINGS)
def test_int8_is_near_fp32(padding: str) -> None:
    master = tiny.model("mpnet")
    inputs = inputs_of(master, LENGTHS)
    model = cut(master, 3, torch.int8, CPU)
    quantised = [layer for _, _, layer in linears(layer_list(model)) if isinstance(layer, QuantizedLinear)]
    assert len(quantised) == 3 * 6
    exact = by_hand(master, 3, inputs)
    assert np.abs(all_logits(model, inputs, padding) - exact).max() < 0.15 * np.ptp(exact)


@pytest.mark.parametrize("pad_id", [0, 1, None])
def test_positions_begin_at_two_whatever_the_config_calls_padding(pad_id: int | None) -> None:
    config = tiny.config("mpnet", pad_token_id=pad_id)
    assert first_position(config) == 2
    assert max_positions(config) == 64


def test_a_saved_cut_model_is_transformers_own(tmp_path: Path) -> None:
    master = tiny.model("mpnet")
    inputs = inputs_of(master, LENGTHS)
    loading.save(cut(master, 2, torch.float32, CPU), tmp_path)
    files, told = loading.load_checkpoint(str(tmp_path), "sequence_classification", ("0", "1"))
    assert told == []
    assert files.config["architectures"] == ["MPNetForSequenceClassification"]
    np.testing.assert_array_equal(by_hand(loading.from_files(files), 2, inputs), by_hand(master, 2, inputs))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_export_answers_what_its_trial_answered(padding: str, precision: str, tmp_path: Path) -> None:
    tsv_data(tmp_path / "data", pairs=True)
    config = tiny.config("mpnet", num_labels=3)
    case = Case("tsv", "tiny-mpnet", config, tokenizers.tokenizer("mpnet"), tmp_path / "data")
    trial = trial_of(case, padding=padding, precision=precision)
    run = measured_run(tmp_path / "run", case, [trial])
    check_answers(run, trial.trial_id, tmp_path / "deployed")


@pytest.mark.skipif(REAL is None, reason="JOULETUNE_MPNET names no folder with all-mpnet-base-v2")
def test_the_published_weights() -> None:
    """all-mpnet-base-v2: loaded whole, 512 tokens, and the logits of Transformers at any padding."""
    files = loading.load_pretrained(str(REAL), "sequence_classification", ("negative", "positive"), seed=42)
    master, tokenizer = loading.from_files(files), loading.load_tokenizer(str(REAL))
    assert max_positions(master.config) == 512
    assert tokenizer("a film", "b")["input_ids"] == [0, 1041, 2147, 2, 2, 1042, 2]  # <s> a film </s></s> b </s>
    inputs = inputs_of(master, LENGTHS)
    for depth in (12, 3):
        expected = by_hand(master, depth, inputs)
        for padding in PADDINGS:
            found = all_logits(cut(master, depth, torch.float32, CPU), inputs, padding)
            np.testing.assert_allclose(found, expected, atol=1e-5)
