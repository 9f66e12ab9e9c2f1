"""A model is measured only if its weights are all there and all used, and its head and tokenizer are the task's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from search_spaces.errors import UsageError
from tests.make import models as tiny
from trainables.model import loading
from trainables.model.loading import load_checkpoint, load_pretrained

CLASSES = ("negative", "positive")
HEAD = "sequence_classification"
ARCHITECTURES = ("bert", "roberta", "electra", "distilbert", "modernbert", "mpnet")


def saved(folder: Path, model_type: str = "bert", head: str = HEAD, **changes: Any) -> Any:
    """A tiny fine-tuned model in `folder`."""
    model = tiny.model(model_type, **changes)
    if head == "question_answering":
        from transformers import AutoModelForQuestionAnswering

        model = AutoModelForQuestionAnswering.from_config(
            tiny.config(model_type, **changes), dtype=torch.float32
        ).eval()
    loading.save(model, folder)
    return model


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    weights = load_file(folder / loading.WEIGHTS_FILE)
    save_file({k: v.clone() for k, v in change(weights).items()}, folder / loading.WEIGHTS_FILE, {"format": "pt"})


def configure(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def logits(files: loading.ModelFiles) -> torch.Tensor:
    with torch.inference_mode():
        return loading.from_files(files)(torch.arange(5, 15)[None]).logits[0]


# ---- weights ----


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "model.", "encoder.bert."])
@pytest.mark.parametrize("fine_tuned", [True, False])
def test_weights_behind_a_prefix_are_not_replaced_by_random_ones(tmp_path: Path, prefix: str, fine_tuned: bool) -> None:
    saved(tmp_path)
    rewrite(tmp_path, lambda weights: {prefix + name: w for name, w in weights.items()})
    with pytest.raises(
        UsageError, match=rf"lacks bert.* has no place for {prefix}.*names begin with '{prefix}'"
    ) as told:
        load_checkpoint(str(tmp_path), HEAD, CLASSES) if fine_tuned else load_pretrained(
            str(tmp_path), HEAD, CLASSES, 1
        )
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_a_lost_layer_is_named(tmp_path: Path, model_type: str) -> None:
    model = saved(tmp_path, model_type)
    lost = next(name for name, _ in model.named_parameters() if ".2." in name)
    rewrite(tmp_path, lambda weights: {name: w for name, w in weights.items() if ".2." not in name})
    for load in (
        lambda: load_checkpoint(str(tmp_path), HEAD, CLASSES),
        lambda: load_pretrained(str(tmp_path), HEAD, CLASSES, 1),
    ):
        with pytest.raises(UsageError, match=rf"lacks {lost.split('.2.')[0]}.2.\S+ and \d+ more"):
            load()


@pytest.mark.parametrize(
    "extra",
    [
        "bert.encoder.layer.0.crossattention.self.query.weight",
        "bert.encoder.layer.4.output.dense.bias",
        "lora_A",
        "adapter.up",
    ],
)
def test_weights_that_would_be_left_out_are_named(tmp_path: Path, extra: str) -> None:
    saved(tmp_path)
    rewrite(tmp_path, lambda weights: weights | {extra: torch.zeros(32)})
    for load in (
        lambda: load_checkpoint(str(tmp_path), HEAD, CLASSES),
        lambda: load_pretrained(str(tmp_path), HEAD, CLASSES, 1),
    ):
        with pytest.raises(UsageError, match=f"has no place for {extra}"):
            load()


@pytest.mark.parametrize("extra", ["cls.predictions.bias", "bert.embeddings.position_ids", "lm_head.dense.weight"])
def test_the_head_of_another_use_does_no_harm(tmp_path: Path, extra: str) -> None:
    saved(tmp_path)
    rewrite(tmp_path, lambda weights: weights | {extra: torch.zeros(2)})
    load_checkpoint(str(tmp_path), HEAD, CLASSES)
    load_pretrained(str(tmp_path), HEAD, CLASSES, 1)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_a_bare_encoder_can_be_fine_tuned(tmp_path: Path, model_type: str) -> None:
    model = tiny.model(model_type)
    loading.save(model.base_model, tmp_path)
    files = load_pretrained(str(tmp_path), HEAD, CLASSES, 1)
    kept = {name: w for name, w in model.named_parameters() if name.startswith(f"{model.base_model_prefix}.")}
    assert all((files.weights[name] == w.detach().numpy()).all() for name, w in kept.items())


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
    ],
)
def test_a_config_that_asks_for_more_is_refused(tmp_path: Path, switch: str, value: object) -> None:
    saved(tmp_path)
    configure(tmp_path, **{switch: value})
    for load in (
        lambda: load_checkpoint(str(tmp_path), HEAD, CLASSES),
        lambda: load_pretrained(str(tmp_path), HEAD, CLASSES, 1),
    ):
        with pytest.raises(UsageError, match=f"{switch} in the config"):
            load()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(tmp_path: Path, value: float) -> None:
    model = saved(tmp_path)
    name = next(name for name, _ in model.named_parameters() if ".2." in name)
    rewrite(tmp_path, lambda weights: weights | {name: torch.full_like(weights[name], value)})
    for load in (
        lambda: load_checkpoint(str(tmp_path), HEAD, CLASSES),
        lambda: load_pretrained(str(tmp_path), HEAD, CLASSES, 1),
    ):
        with pytest.raises(UsageError, match=f"must be finite numbers, but got '{name}'"):
            load()


def test_weights_that_overflow_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    rewrite(tmp_path, lambda weights: weights | {"classifier.weight": torch.full((2, 32), 3e38)})
    with pytest.raises(UsageError, match="must give finite numbers for any tokens"):
        load_checkpoint(str(tmp_path), HEAD, CLASSES)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
@pytest.mark.parametrize(
    "how",
    [
        {"return_dict": False},
        {"output_hidden_states": True},
        {"output_attentions": True},
        {"chunk_size_feed_forward": 4},
    ],
    ids=lambda how: next(iter(how)),
)
def test_how_the_config_wants_its_answer_handed_over_does_not_matter(
    tmp_path: Path, model_type: str, how: dict[str, Any]
) -> None:
    """A tuple instead of named outputs, all layers' states besides, or pieces of 4 tokens, which 10 are not."""
    model = saved(tmp_path, model_type)
    configure(tmp_path, **how)
    files, _ = load_checkpoint(str(tmp_path), HEAD, CLASSES)
    with torch.inference_mode():
        expected = model(torch.arange(5, 15)[None]).logits[0]
        again = loading.from_files(files)(torch.arange(5, 15)[None])
    torch.testing.assert_close(again.logits[0], expected)
    assert again.hidden_states is None
    assert again.attentions is None


@pytest.mark.parametrize("layers", [0, -1, 100_000])
def test_a_number_of_layers_that_no_encoder_has_is_refused_at_once(tmp_path: Path, layers: int) -> None:
    saved(tmp_path)
    configure(tmp_path, num_hidden_layers=layers)
    with pytest.raises(UsageError, match=f"must have between 1 and 1000 layers, but got {layers}"):
        loading.load_config(str(tmp_path))


def test_positions_that_are_counted_from_no_token_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, "roberta")
    configure(tmp_path, pad_token_id=None)
    with pytest.raises(UsageError, match=r"must name the padding token, .* but got None; write pad_token_id into"):
        loading.load_config(str(tmp_path))


# ---- the head ----


@pytest.mark.parametrize(
    ("labels", "problem", "message"),
    [
        (1, None, r"is for regression \(one output\); that is not supported yet"),
        (2, "multi_label_classification", "is for multi label classification; that is not supported yet"),
        (3, None, "must have the task's 2 classes, but got 3"),
    ],
)
def test_a_head_that_is_not_the_tasks_is_refused(
    tmp_path: Path, labels: int, problem: str | None, message: str
) -> None:
    saved(tmp_path, num_labels=labels, problem_type=problem)
    with pytest.raises(UsageError, match=message):
        load_checkpoint(str(tmp_path), HEAD, CLASSES)


def test_a_head_of_spans_has_two_outputs(tmp_path: Path) -> None:
    saved(tmp_path, head="question_answering", num_labels=3)
    with pytest.raises(UsageError, match=r"must have 2 outputs per token, .* but got 3"):
        load_checkpoint(str(tmp_path), "question_answering", ())


@pytest.mark.parametrize("model_type", ARCHITECTURES)
@pytest.mark.parametrize(
    "theirs", [("POSITIVE", "NEGATIVE"), ("pos", "neg"), ("Positive ", "negative")], ids=["upper", "short", "blank"]
)
def test_classes_in_another_order_are_matched_by_name(tmp_path: Path, model_type: str, theirs: tuple[str, str]) -> None:
    model = saved(tmp_path, model_type, id2label=dict(enumerate(theirs)), label2id={n: i for i, n in enumerate(theirs)})
    files, told = load_checkpoint(str(tmp_path), HEAD, CLASSES)
    with torch.inference_mode():
        before = model(torch.arange(5, 15)[None]).logits[0]
    torch.testing.assert_close(logits(files), before.flip(0))
    assert files.config["id2label"] == {0: "negative", 1: "positive"}
    assert len(told) == 1
    assert "matched by name" in told[0]


def test_outputs_must_be_numbered_from_0(tmp_path: Path) -> None:
    saved(tmp_path)
    configure(tmp_path, id2label={"1": "negative", "2": "positive"}, label2id={"negative": 1, "positive": 2})
    with pytest.raises(UsageError, match=r"must number the outputs from 0, but got \[1, 2\]"):
        load_checkpoint(str(tmp_path), HEAD, CLASSES)


def test_three_classes_in_any_order(tmp_path: Path) -> None:
    theirs, ours = ("neutral", "entailment", "contradiction"), ("contradiction", "neutral", "entailment")
    model = saved(
        tmp_path, num_labels=3, id2label=dict(enumerate(theirs)), label2id={n: i for i, n in enumerate(theirs)}
    )
    files, _ = load_checkpoint(str(tmp_path), HEAD, ours)
    with torch.inference_mode():
        before = dict(zip(theirs, model(torch.arange(5, 15)[None]).logits[0].tolist(), strict=True))
    assert dict(zip(ours, logits(files).tolist(), strict=True)) == pytest.approx(before)


@pytest.mark.parametrize(
    ("theirs", "sentences"), [(("LABEL_0", "LABEL_1"), 0), (("0", "1"), 0), (("left", "right"), 1)]
)
def test_names_that_say_nothing_keep_the_order(tmp_path: Path, theirs: tuple[str, str], sentences: int) -> None:
    model = saved(tmp_path, id2label=dict(enumerate(theirs)), label2id={n: i for i, n in enumerate(theirs)})
    files, told = load_checkpoint(str(tmp_path), HEAD, CLASSES)
    with torch.inference_mode():
        torch.testing.assert_close(logits(files), model(torch.arange(5, 15)[None]).logits[0], rtol=0, atol=0)
    assert len(told) == sentences
    assert all("cannot be matched" in text for text in told)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
@pytest.mark.parametrize("labels", [2, 3])
def test_fine_tuning_begins_with_a_new_head(tmp_path: Path, model_type: str, labels: int) -> None:
    """A sentiment model that is fine-tuned for duplicates must not begin with what it knew of sentiment."""
    model = saved(tmp_path, model_type, num_labels=labels, problem_type="regression" if labels == 3 else None)
    files, again = (load_pretrained(str(tmp_path), HEAD, CLASSES, 7) for _ in range(2))
    old = model.state_dict()
    for name, array in files.weights.items():
        assert (array == again.weights[name]).all()
        encoder = name.startswith(f"{model.base_model_prefix}.")
        if encoder or array.ndim == 2:
            same = old[name].shape == array.shape and bool((old[name].numpy() == array).all())
            assert same == encoder, name
    assert files.config["problem_type"] == "single_label_classification"
    assert loading.from_files(files).config.id2label == {0: "negative", 1: "positive"}


# ---- the tokenizer ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose tokenizer is its own: the demo's words."""
    from trainables.tasks.demo import demo_tokenizer

    tokenizer = demo_tokenizer()
    loading.save(tiny.model(vocab_size=len(tokenizer)), tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_the_models_own_tokenizer_is_taken(folder: Path) -> None:
    assert loading.load_tokenizer(str(folder)).pad_token == "[PAD]"
    configure(folder, vocab_size=1000)  # embeddings are padded to round numbers
    loading.load_tokenizer(str(folder))


def test_tokens_beyond_the_embedding_are_refused(folder: Path) -> None:
    tokenizer = loading.load_tokenizer(str(folder))
    tokenizer.add_tokens(["zzz"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(UsageError, match=r"every token of .* row of the embedding, which has \d+, but got .*'zzz'"):
        loading.load_tokenizer(str(folder))


def test_a_tokenizer_without_padding_is_refused(folder: Path) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "pad_token"}))
    with pytest.raises(UsageError, match="must have a padding token"):
        loading.load_tokenizer(str(folder))


def test_a_tokenizer_that_cuts_the_beginning_is_refused(folder: Path) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"truncation_side": "left"}))
    with pytest.raises(UsageError, match=r"must cut texts at their end, .* but got .truncation_side 'left'"):
        loading.load_tokenizer(str(folder))


@pytest.mark.parametrize("value", ["x", [], {"a": 1}])
def test_a_tokenizer_whose_settings_are_none_is_one_line(folder: Path, value: object) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_max_length": value}))
    with pytest.raises(UsageError, match="cannot load"):
        loading.load_tokenizer(str(folder))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    """Transformers 5 makes one of five special tokens: every text would be [UNK]."""
    saved(tmp_path)
    with pytest.raises(UsageError, match=r"must know words|cannot load"):
        loading.load_tokenizer(str(tmp_path))


def test_a_tokenizer_written_in_python_is_refused(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz.,"]
    loading.save(tiny.model(vocab_size=len(words)), tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    kind = {
        "tokenizer_class": "BertJapaneseTokenizer",
        "word_tokenizer_type": "basic",
        "subword_tokenizer_type": "character",
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(kind))
    with pytest.raises(UsageError, match="must be a fast one"):
        loading.load_tokenizer(str(tmp_path))
