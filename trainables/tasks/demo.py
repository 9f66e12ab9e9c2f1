"""The demo task: a corpus and a tiny BERT made by this code, so that a first sweep needs no download."""

import random
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, PreTrainedTokenizerFast

from search_spaces.errors import check
from trainables.tasks import demo_grammar
from trainables.tasks.base import Split
from trainables.tasks.classification import ClassificationTask, Examples

TRAIN_EXAMPLES, VALIDATION_EXAMPLES = 8000, 800
CORPUS_SEED = 20
MAX_POSITIONS = 80

_SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def demo_source(split: Split, data_dir: Path | None) -> Examples:
    """Distinct sentences, so no validation sentence is in the training set."""
    check(
        data_dir is None, "the demo generates its own data", str(data_dir), "leave out --data-dir, or take --task tsv"
    )
    rng = random.Random(CORPUS_SEED)  # noqa: S311 (sentences, not secrets)
    sentences: dict[str, bool] = {}
    while len(sentences) < VALIDATION_EXAMPLES + TRAIN_EXAMPLES:
        phrase = demo_grammar.sentence(rng)
        sentences[phrase.text] = phrase.positive
    chosen = slice(0, VALIDATION_EXAMPLES) if split == "validation" else slice(VALIDATION_EXAMPLES, None)
    texts, labels = tuple(sentences)[chosen], list(sentences.values())[chosen]
    return Examples(texts, None, np.array(labels, dtype=np.int64), ("negative", "positive"))


DEMO = ClassificationTask("demo", demo_source, texts=("text",))


def demo_config() -> Any:
    """A `BertConfig` small enough to train from scratch on two cores within a minute."""

    return BertConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=MAX_POSITIONS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.02,
    )


def demo_tokenizer() -> Any:
    """One token per word of the grammar, with BERT's special tokens."""

    vocabulary = {token: i for i, token in enumerate(_vocabulary())}
    tokenizer = Tokenizer(WordLevel(vocabulary, _SPECIAL_TOKENS["unk_token"]))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_POSITIONS,
        **_SPECIAL_TOKENS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def demo_model() -> tuple[Any, Any]:
    """Configuration and tokenizer of "demo-bert"; its weights are trained from scratch."""
    return demo_config(), demo_tokenizer()


def _vocabulary() -> list[str]:
    return [*_SPECIAL_TOKENS.values(), *demo_grammar.vocabulary()]
