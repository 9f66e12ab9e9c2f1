"""What is read before Ray starts: the share of unknown tokens, their types, and the weights of a model to fine-tune."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from tests.make import models as tiny
from trainables.model import loading
from tuner.inputs import load_inputs

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ENGLISH = "the film was very dull but nobody saw it coming and all of us laughed twenty times"
_FRENCH = "le film fut fort ennuyeux mais personne ne nous a vu rire deux fois de bon coeur"
ENGLISH, FRENCH = tuple(_ENGLISH.split(" ")), tuple(_FRENCH.split(" "))


def model(folder: Path, words: tuple[str, ...], lower: bool = False, **changes: Any) -> Path:
    """A tiny BERT with WordPiece over the words; `lower`: as an uncased model, it reads texts in lower case."""
    vocabulary = {token: i for i, token in enumerate((*SPECIAL, *words))}
    made = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase() if lower else normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    types = ["input_ids", "token_type_ids", "attention_mask"]
    PreTrainedTokenizerFast(tokenizer_object=made, model_input_names=types, **names).save_pretrained(folder)
    loading.save(tiny.model(vocab_size=len(vocabulary), **changes), folder)
    return folder


def sweep(folder: Path, texts: list[str], second: list[str] | None = None) -> SweepConfig:
    """An evaluation of the model in `folder` on the texts, or pairs of texts."""
    columns = {"text": texts} if second is None else {"text1": texts, "text2": second}
    rows = [*zip(*columns.values(), ("01" * len(texts))[: len(texts)], strict=True)]
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for name in ("train.tsv", "dev.tsv"):
        lines = ["\t".join((*columns, "label")), *("\t".join(row) for row in rows)]
        (data / name).write_text("\n".join(lines) + "\n")
    return SweepConfig(task="tsv", checkpoint=str(folder), data_dir=str(data))


def warned(config: SweepConfig) -> list[str]:
    return [text for text in load_inputs(config).warnings if "unknown to the tokenizer" in text]


def test_another_vocabulary(tmp_path: Path) -> None:
    """Two of the five English words are French, too."""
    config = sweep(model(tmp_path, FRENCH), ["the film was a but", "the film was a but"])
    assert warned(config) == [
        "60 % of the tokens are unknown to the tokenizer ([UNK]): is it the model's, and does it expect lower case?"
    ]
    assert warned(sweep(model(tmp_path, ENGLISH), ["the film was dull", "nobody saw it coming"])) == []


def test_another_casing(tmp_path: Path) -> None:
    """Words in upper case, before a tokenizer that knows lower case alone; one that lowers them knows them all."""
    texts = ["The FILM was dull", "NOBODY saw it coming"]
    assert warned(sweep(model(tmp_path, ENGLISH), texts)) == [
        "38 % of the tokens are unknown to the tokenizer ([UNK]): is it the model's, and does it expect lower case?"
    ]
    assert warned(sweep(model(tmp_path, ENGLISH, lower=True), texts)) == []


@pytest.mark.parametrize(("odd", "sentences"), [(1, 0), (2, 1)])
def test_some_odd_words_are_no_other_vocabulary(tmp_path: Path, odd: int, sentences: int) -> None:
    """5 % of the tokens is the bound: 1 of 20, and 2 of 20. Special tokens count for nothing."""
    words = [*ENGLISH, *ENGLISH][:20]
    words[:odd] = ["🙂"] * odd
    texts = [" ".join(words[:10]), " ".join(words[10:])]
    assert len(warned(sweep(model(tmp_path, ENGLISH), texts))) == sentences


def test_types_beyond_the_embedding_are_refused(tmp_path: Path) -> None:
    folder = model(tmp_path, ENGLISH, type_vocab_size=1)
    load_inputs(sweep(folder, ["the film", "was dull"]))
    with pytest.raises(UsageError, match="every token type must have a row of the model's embedding, which has 1, but"):
        load_inputs(sweep(folder, ["the film", "was dull"], ["nobody", "saw it"]))


def test_a_model_to_fine_tune_is_read_before_ray_starts(tmp_path: Path) -> None:
    folder = model(tmp_path, ENGLISH)
    config = replace(sweep(folder, ["the film", "was dull"]), checkpoint=None, model=str(folder))
    assert load_inputs(config).first.checkpoint is None
    configuration = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(configuration | {"num_hidden_layers": 5}))
    with pytest.raises(UsageError, match=r"lacks bert.encoder.layer.4.* and \d+ more"):
        load_inputs(config)
