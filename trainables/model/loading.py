"""The encoder's files: config, tokenizer and weights, read once on the host; what fails is explained in one line."""

import json
import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as hf_logging

from search_spaces.errors import UsageError
from trainables.model import checks
from trainables.model.architectures import ARCHITECTURES
from trainables.tasks.base import Head
from trainables.tasks.demo import demo_config, demo_tokenizer

DEMO_MODEL = "demo-bert"
WEIGHTS_FILE = "model.safetensors"
SPAN_OUTPUTS = 2  # per token, of question answering: first and last of the answer
# Of `from_pretrained`: pickled weights and a model's own Python files run code when they are loaded.
SAFE: dict[str, Any] = {"use_safetensors": True, "trust_remote_code": False}
# What a config may say of how the answer is handed over, or in how many pieces it is computed: not what it is.
AS_HERE: dict[str, Any] = {
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "chunk_size_feed_forward": 0,
}


@dataclass(frozen=True)
class ModelFiles:
    """A model as plain data, to be shared between processes: its config and its fp32 weights by name."""

    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    head: Head


def load_config(model: str) -> PretrainedConfig:
    """The config of a hub id or folder; `UsageError` where there is none or the architecture is unsupported."""

    if model == DEMO_MODEL:
        config = demo_config()
    else:
        _require_folder(model)
        if Path(model).is_dir():
            _check_known(model)
        with _explained(model):
            config = AutoConfig.from_pretrained(model, trust_remote_code=False)
    _check_architecture(model, config.model_type)
    checks.check_switches(config.to_dict(), model)
    checks.check_layers(config, model)
    checks.check_positions(config, model)
    for name, value in AS_HERE.items():
        setattr(config, name, value)
    return config


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a hub id or folder."""

    if model == DEMO_MODEL:
        return demo_tokenizer()
    _require_folder(model)
    config = load_config(model)
    with _explained(model):
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        checks.check_tokenizer(tokenizer, config, model)
    return tokenizer


def load_pretrained(
    model: str, head: Head, labels: Sequence[str], seed: int, random_weights: bool = False
) -> ModelFiles:
    """Pretrained (or, for `random_weights` and the demo, untrained) weights in fp32, with a new head, seeded.

    `labels`: the names of the task's classes; none for question answering. UsageError where weights of the encoder are
    missing or would be left out.
    """

    config = load_config(model)
    config.num_labels = len(labels) or SPAN_OUTPUTS
    if labels:
        checks.name_labels(config, labels)
    kind = auto_class(head)
    torch.manual_seed(seed)
    if random_weights or model == DEMO_MODEL:
        return to_files(kind.from_config(config, dtype=torch.float32), head)
    _refuse_pickle(model)
    with _explained(model), _quiet():
        module, info = kind.from_pretrained(
            model, config=config, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True, **SAFE
        )
    checks.check_weights(info, module, model, head=False)
    _renew_head(module, set(info["missing_keys"]), seed)
    with _explained(model):
        checks.check_runs(module, model)
    return to_files(module, head)


def _renew_head(module: PreTrainedModel, made: set[str], seed: int) -> None:
    """A head that came with the weights answered other questions: a seeded one takes its place."""

    own = {name for name, _ in module.named_parameters() if not name.startswith(f"{module.base_model_prefix}.")}
    if own <= made:
        return
    torch.manual_seed(seed)
    fresh = type(module)(module.config).state_dict()
    module.load_state_dict({name: fresh[name] for name in own}, strict=False)


def load_checkpoint(path: str, head: Head, labels: Sequence[str]) -> tuple[ModelFiles, list[str]]:
    """A fine-tuned model, its outputs in the order of the task's classes `labels` (none for question answering), and
    what a user should know of it. UsageError where its head is not the task's, or weights are missing or left out."""

    config = load_config(path)
    checks.check_head(config, len(labels) or SPAN_OUTPUTS, path, classifies=bool(labels))
    _refuse_pickle(path)
    with _explained(path), _quiet():
        module, info = auto_class(head).from_pretrained(
            path, config=config, dtype=torch.float32, output_loading_info=True, **SAFE
        )
    checks.check_weights(info, module, path, head=True)
    with _explained(path):
        checks.check_runs(module, path)
    told = checks.match_labels(module, labels, path) if labels else []
    return to_files(module, head), told


def weight_bytes(model: str, head: Head, labels: int) -> int:
    """What the fp32 weights of a hub id or folder take, the head's for so many `labels` included; nothing is loaded."""
    config = load_config(model)
    config.num_labels = labels or SPAN_OUTPUTS
    with torch.device("meta"), _quiet():
        module = auto_class(head).from_config(config, dtype=torch.float32)
    return sum(4 * tensor.numel() for tensor in module.state_dict().values())


def to_files(module: PreTrainedModel, head: Head) -> ModelFiles:
    """The model as plain data (fp32 numpy arrays on the host)."""
    weights = {name: tensor.detach().float().cpu().numpy() for name, tensor in module.state_dict().items()}
    return ModelFiles(module.config.to_dict(), weights, head)


def from_files(files: ModelFiles) -> PreTrainedModel:
    """The model in fp32 on the host, with weights of its own: shared arrays must never be written to."""

    config = AutoConfig.for_model(**files.config)
    module = auto_class(files.head).from_config(config, dtype=torch.float32)
    module.load_state_dict({name: torch.tensor(array) for name, array in files.weights.items()})
    return module.eval()


def save(module: PreTrainedModel, folder: Path) -> None:
    """Write `folder` as any Hugging Face model: config.json and model.safetensors."""
    with _quiet():
        module.save_pretrained(folder)


def auto_class(head: Head) -> Any:
    """Of Transformers, what builds a model with that head."""
    return AutoModelForQuestionAnswering if head == "question_answering" else AutoModelForSequenceClassification


def _require_folder(model: str) -> None:
    """A name that looks like a path must be one: the hub would be asked for it otherwise."""
    looks_local = model.startswith((".", "/", "~")) or model.count("/") > 1
    if looks_local and not Path(model).expanduser().is_dir():
        raise UsageError(
            f"a model must be a hub id or an existing folder, but got {model!r}; check the path, "
            "or give a hub id like google-bert/bert-base-uncased"
        )
    if Path(model).is_dir():
        _check_folder(Path(model))


def _check_known(folder: str) -> None:
    """UsageError for an architecture that Transformers does not know either, of which it would say more and less."""
    found = json.loads((Path(folder) / "config.json").read_text())
    name = found.get("model_type") if isinstance(found, dict) else None
    if isinstance(name, str):
        _check_architecture(folder, name)


def _check_architecture(model: str, name: str) -> None:
    try:
        ARCHITECTURES[name]
    except UsageError as error:
        raise UsageError(f"cannot use {model!r}: {error}") from None


def _check_folder(folder: Path) -> None:
    try:
        json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"a model folder must hold a readable config.json, but {folder} does not: {error}") from error


def _refuse_pickle(model: str) -> None:
    """UsageError for a folder whose weights are a pickle, with the command that converts them."""
    folder = Path(model)
    if not folder.is_dir() or list(folder.glob("*.safetensors")):
        return
    pickles = sorted(folder.glob("pytorch_model*.bin"))
    if not pickles:
        raise UsageError(f"a model folder must hold {WEIGHTS_FILE}, but {folder} does not; fetch the weights")
    raise UsageError(
        f"weights must be safetensors, but {folder} holds {pickles[0].name}, a pickle, which can run code when it "
        f"is loaded; if you trust where it comes from, convert it: {conversion_command(pickles)}"
    )


def conversion_command(pickles: list[Path]) -> str:
    """The shell command that writes pickled weights as safetensors beside them, running none of their code."""
    code = (
        "import sys, torch, safetensors.torch as s; "
        "w = [i for p in sys.argv[2:] for i in torch.load(p, weights_only=True).items()]; "
        "s.save_file({k: v.clone().contiguous() for k, v in w}, sys.argv[1], {'format': 'pt'})"
    )
    return shlex.join(["python", "-c", code, str(pickles[0].with_name(WEIGHTS_FILE)), *map(str, pickles)])


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Whatever a loader raises becomes one line that says what to do; the hub's retries stay quiet."""
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # or the hub is asked to convert a pickle
    hub_log = logging.getLogger("huggingface_hub")
    level = hub_log.level
    hub_log.setLevel(logging.CRITICAL)
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        remedy = (
            "the files are damaged or incomplete: fetch or fine-tune them again"
            if Path(model).is_dir()
            else "weights must be safetensors, and it offers none: take a revision or a copy of it that does"
            if "cannot be loaded with `safetensors`" in first
            else "the hub was not reached or has no such model: give a local folder instead, as in "
            "--model DIR --data-dir DIR"
        )
        raise UsageError(f"cannot load {model!r}: {first} ({type(error).__name__}); {remedy}") from error
    finally:
        hub_log.setLevel(level)


@contextmanager
def _quiet() -> Iterator[None]:
    """Loading bars and "newly initialised" notes are noise in a sweep."""

    verbosity, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()
