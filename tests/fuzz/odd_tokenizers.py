"""Small tokenizers as they come from elsewhere: of every kind and template, with files lost, added to or damaged."""

import json
import random
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.make.damage import damage

WORDS = (
    "a", "fine", "film", "that", "nobody", "will", "see", "who", "wrote", "it", "was", "dull", "in", "parts", "?", ".",
    "The", "Film", "Paris", "n't", "good", "bad", "not", "very",
)  # fmt: skip
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _wordlevel(special: tuple[str, ...], unknown: str, words: tuple[str, ...]) -> Tokenizer:
    made = Tokenizer(models.WordLevel({token: i for i, token in enumerate((*special, *words))}, unknown))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def _wordpiece(special: tuple[str, ...], unknown: str, words: tuple[str, ...]) -> Tokenizer:
    pieces = [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys((*special, *words, *pieces)))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def _bytes(special: tuple[str, ...], unknown: str, words: tuple[str, ...]) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate((*special, *alphabet, "Ġa", "fi"))}
    made = Tokenizer(models.BPE(vocabulary, [("Ġ", "a"), ("f", "i")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def _few_letters(special: tuple[str, ...], unknown: str, words: tuple[str, ...]) -> Tokenizer:
    """Without an unknown token: what is none of its letters leaves no trace."""
    made = Tokenizer(models.BPE({token: i for i, token in enumerate((*special, *"efilmtw"))}, []))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def _unigram(special: tuple[str, ...], unknown: str, words: tuple[str, ...]) -> Tokenizer:
    pieces = [(token, 0.0) for token in special] + [(f"▁{w}", -2.0) for w in words] + [(c, -5.0) for c in f"▁{LETTERS}"]
    made = Tokenizer(models.Unigram(pieces, unk_id=special.index(unknown)))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def make(rng: random.Random, odd: bool) -> tuple[PreTrainedTokenizerFast, str]:
    """A tokenizer with legal variations, and what they are. Padding has id 0 (RoBERTa's order: 1)."""
    special = rng.choice((BERT, ROBERTA))
    pad, unknown, first, separator, mask = special
    order = (first, pad, separator, unknown, mask) if special is ROBERTA else special
    kind = rng.choice((_wordlevel, _wordpiece, _bytes, _unigram, *([_few_letters] if odd else [])))
    words = WORDS if rng.random() < 0.85 else tuple(f"mot{i}" for i in range(12))
    made = kind(order, unknown, words)
    told = [kind.__name__, special[0]]
    if rng.random() < 0.4:
        made.normalizer = rng.choice((normalizers.Lowercase(), normalizers.NFKC(), normalizers.BertNormalizer()))
        told.append(type(made.normalizer).__name__)
    layout = rng.choice(("bert", "bert", "roberta", "end", *(["none"] if odd else [])))
    made.post_processor = _template(made, layout, first, separator)
    options: dict[str, Any] = {"pad_token": pad, "unk_token": unknown, "cls_token": first, "sep_token": separator}
    options["mask_token"] = AddedToken(mask, lstrip=rng.random() < 0.5, rstrip=rng.random() < 0.2, normalized=False)
    if kind is _bytes and rng.random() < 0.5:
        options["unk_token"] = None
    options["model_max_length"] = rng.choice((10, 32, 40, 512, int(1e30)))
    types = rng.choice(((), ("token_type_ids",)))
    options["model_input_names"] = ["input_ids", *types, "attention_mask"]
    for name in ("padding_side", "truncation_side"):
        if odd and rng.random() < 0.15:
            options[name] = "left"
    told += [layout, *types, *(f"{n}={options[n]}" for n in ("padding_side", "truncation_side") if n in options)]
    return PreTrainedTokenizerFast(tokenizer_object=made, **options), " ".join(told)


def _template(made: Tokenizer, layout: str, first: str, separator: str) -> Any:
    ids = [(token, made.token_to_id(token)) for token in (first, separator)]
    if layout == "none":
        return None
    single, pair = {
        "bert": (f"{first} $A {separator}", f"{first} $A {separator} $B:1 {separator}:1"),
        "roberta": (f"{first} $A {separator}", f"{first} $A {separator} {separator} $B {separator}"),
        "end": (f"$A {separator}", f"$A {separator} $B {separator}"),
    }[layout]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)


def write(rng: random.Random, tokenizer: PreTrainedTokenizerFast, folder: Path, odd: bool) -> str:
    """Save it; sometimes with a history. What that is, or ""."""
    tokenizer.save_pretrained(folder)
    if not odd:
        return ""
    change = rng.choice(FILES)
    change(rng, folder)
    return f"tokenizer {change.__name__}"


# ---- what happened to its files ----


def _change(file: Path, **values: Any) -> None:
    known = json.loads(file.read_text()) | values
    file.write_text(json.dumps({name: value for name, value in known.items() if value != "(removed)"}))


def lost(rng: random.Random, folder: Path) -> None:
    (folder / rng.choice(("tokenizer.json", "tokenizer_config.json"))).unlink()


def all_lost(rng: random.Random, folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


def damaged(rng: random.Random, folder: Path) -> None:
    file = folder / rng.choice(("tokenizer.json", "tokenizer_config.json"))
    file.write_bytes(damage(rng, file.read_bytes()))


def of_another_class(rng: random.Random, folder: Path) -> None:
    kinds = ("BertTokenizer", "RobertaTokenizerFast", "XLMRobertaTokenizer", "T5Tokenizer", "NoTokenizer", "", None)
    _change(folder / "tokenizer_config.json", tokenizer_class=rng.choice(kinds))


def without_padding(rng: random.Random, folder: Path) -> None:
    _change(folder / "tokenizer_config.json", pad_token=rng.choice(("(removed)", None, "<new>", 0)))


def without_unknown(rng: random.Random, folder: Path) -> None:
    _change(folder / "tokenizer_config.json", unk_token=rng.choice(("(removed)", None)))


def added_to(rng: random.Random, folder: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.add_tokens(["zzz", "film that"])
    tokenizer.save_pretrained(folder)


def padding_kept(rng: random.Random, folder: Path) -> None:
    """tokenizer.json as the tokenizers library saves it after use: it pads and cuts by itself."""
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    made.enable_padding(length=rng.choice((None, 30)), direction=rng.choice(("left", "right")))
    made.enable_truncation(rng.choice((6, 20)))
    made.save(str(folder / "tokenizer.json"))


def vocabulary_beside(rng: random.Random, folder: Path) -> None:
    """vocab.txt alone, as BERT has: Transformers makes the rest of it."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    names = list(vocabulary) if isinstance(vocabulary, dict) else [piece for piece, _ in vocabulary]
    (folder / "vocab.txt").write_text("\n".join(names) + "\n")
    (folder / "tokenizer.json").unlink()
    _change(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer")


def odd_value(rng: random.Random, folder: Path) -> None:
    file = folder / "tokenizer_config.json"
    name = rng.choice(sorted(json.loads(file.read_text())))
    _change(file, **{name: rng.choice((None, 0, -1, True, "", "x", [], {}, ["input_ids"]))})


FILES = (
    lost, all_lost, damaged, of_another_class, without_padding, without_unknown, added_to, padding_kept,
    vocabulary_beside, odd_value,
)  # fmt: skip
