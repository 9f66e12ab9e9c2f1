"""A second model for the demo task: of another depth and width, and with another tokenizer."""

from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, PreTrainedTokenizerFast

from trainables.model import loading

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
LAYERS, HIDDEN, POSITIONS = 2, 32, 40


def letters_model(folder: Path, layers: int = LAYERS) -> Path:
    """A folder with a tiny BERT whose tokens are letters: the order of the examples by length is another than by
    words."""
    vocabulary = {token: i for i, token in enumerate([*SPECIAL.values(), *map(chr, range(32, 127))])}
    tokenizer = Tokenizer(WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **SPECIAL).save_pretrained(folder)
    BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        architectures=["BertForSequenceClassification"],
    ).save_pretrained(folder)
    files = loading.load_pretrained(str(folder), "sequence_classification", ("negative", "positive"), 1, True)
    loading.save(loading.from_files(files), folder)
    return folder
