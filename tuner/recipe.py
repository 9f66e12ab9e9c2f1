"""What made the weights of a sweep, as a digest: models of one recipe differ by their seed, or by chance."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from search_spaces.sweep_config import SweepConfig
from trainables.digest import digest_of
from trainables.model.loading import ModelFiles, load_config

# Of a model folder; a card or a training log beside them changes nothing.
_SUFFIXES = (".safetensors", ".json", ".txt", ".model")


def recipe_digest(config: SweepConfig, source: str, checkpoint: ModelFiles | None, train_digest: str | None) -> str:
    """Of the model whose files are at `source`. A fine-tuning's: the pretrained model, the options, and the examples
    (`train_digest`). A checkpoint says nothing of its making, so its weights stand for it; random weights are their
    architecture's."""
    if checkpoint is not None:
        return digest_of("checkpoint", checkpoint.weights)
    if config.random_weights:
        return digest_of("random weights", load_config(source).to_json_string(use_diff=False))
    options = {name: value for name, value in asdict(config.finetuning).items() if name != "train_examples"}
    return digest_of("fine-tuning", _model(source), options, train_digest)


def _model(model: str) -> list[str]:
    """What tells a pretrained model from another: its files, or its name and commit on the hub."""
    if Path(model).is_dir():
        files = sorted(p for p in Path(model).iterdir() if p.is_file() and p.suffix in _SUFFIXES)
        return [part for file in files for part in (file.name, _sha256(file))]
    config = load_config(model)
    return [model, getattr(config, "_commit_hash", None) or config.to_json_string(use_diff=False)]


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
