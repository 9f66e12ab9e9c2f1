"""Small fast tokenizers with the special tokens of each architecture, for the vocabulary of `models.SIZES`."""

from typing import Any

WORDS = ("a", "fine", "film", "that", "nobody", "will", "see", "who", "wrote", "it", "was", "dull", "in", "parts", "?")

# (padding, unknown, first, separator, mask) and the layout of a pair; RoBERTa's ids lie as in its own vocabulary, and
# MPNet's as RoBERTa's.
_BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")


def special_tokens(model_type: str) -> tuple[str, str, str, str, str]:
    """Padding, unknown, first, separator and mask token of an architecture."""
    return _ROBERTA if model_type in ("roberta", "mpnet") else _BERT


def tokenizer(model_type: str) -> Any:
    """One token per word of WORDS. Padding has id 0, first and separator 2 and 3 (RoBERTa and MPNet: 1, 0 and 2)."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    pad, unknown, first, separator, mask = special_tokens(model_type)
    roberta = special_tokens(model_type) == _ROBERTA
    order = (first, pad, separator, unknown, mask) if roberta else (pad, unknown, first, separator, mask)
    vocabulary = {token: i for i, token in enumerate((*order, *WORDS))}
    made = Tokenizer(WordLevel(vocabulary, unknown))
    made.pre_tokenizer = WhitespaceSplit()
    middle, second = (f"{separator} {separator}", 0) if roberta else (separator, 1)
    made.post_processor = TemplateProcessing(
        single=f"{first} $A {separator}",
        pair=f"{first} $A {middle} $B:{second} {separator}:{second}",
        special_tokens=[(token, vocabulary[token]) for token in (first, separator)],
    )
    types = ["token_type_ids"] if model_type in ("bert", "electra") else []
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=64,
        pad_token=pad,
        unk_token=unknown,
        cls_token=first,
        sep_token=separator,
        mask_token=mask,
        model_input_names=["input_ids", *types, "attention_mask"],
    )
