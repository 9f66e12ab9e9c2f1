"""The few lines of Python that load and run a model the way a configuration was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from search_spaces.backends import BACKENDS
from search_spaces.errors import UsageError
from search_spaces.precisions import PRECISIONS
from search_spaces.trial_config import model_slug
from trainables.model.architectures import ARCHITECTURES


@dataclass(frozen=True)
class Checkpoint:
    """Where the fine-tuned weights and their tokenizer are: a relative path or a hub id, and a remark."""

    name: str
    remark: str = "the fine-tuned weights"
    folder: Path | None = None  # where this machine has them

    @property
    def layers(self) -> str | None:
        """Path of the encoder layers from the base model, by the weights' config.json; None where that is silent."""
        try:
            config = json.loads(((self.folder or Path(self.name)) / "config.json").read_text(encoding="utf-8"))
            return ARCHITECTURES[config["model_type"]].layers
        except (OSError, ValueError, LookupError, TypeError, UsageError):
            return None


NO_CHECKPOINT = Checkpoint("path/to/checkpoint", "put your fine-tuned weights here: the rows do not say where")


def find_checkpoint(run: Path, task: str, model: str) -> Checkpoint | None:
    """The weights that a run folder's trials of a task and model were measured with, None where it does not
    say: its own fine-tuning (of the first seed), else what sweep.json names as --checkpoint.

    Never an absolute path, which would hold on one machine only: a folder below the working directory is named
    from there, another from the folder that holds the run.
    """
    start = f"{task}-{model_slug(model)}-s"  # no pattern: the names come from the rows
    kept = run / "checkpoints"
    own = [f for f in sorted(kept.iterdir()) if f.name.startswith(start)] if kept.is_dir() else []
    own = [folder for folder in own if folder.suffix != ".tmp"]
    if own:
        return _relative(own[0], run.resolve().parent, "the weights this run fine-tuned")
    try:
        given = json.loads((run / "sweep.json").read_text(encoding="utf-8")).get("checkpoint")
    except (OSError, ValueError, AttributeError):
        return None
    if not isinstance(given, str) or not given:
        return None
    folder = Path(given)
    if folder.is_absolute() or folder.exists():
        return _relative(folder, folder.resolve().parent, "what the run got as --checkpoint")
    return Checkpoint(str(given), "what the run got as --checkpoint")


def _relative(folder: Path, above: Path, remark: str) -> Checkpoint:
    here, target = Path.cwd().resolve(), folder.resolve()
    if target.is_relative_to(here):
        return Checkpoint(target.relative_to(here).as_posix(), remark, folder)
    return Checkpoint(target.relative_to(above).as_posix(), f"{remark}, from the folder that holds it", folder)


def snippet(row: pd.Series | Mapping[str, Any], full_depth: int, checkpoint: Checkpoint | None = None) -> str:
    """Plain `transformers` code, ready to paste, for a row of `configurations`.

    `full_depth`: layers of the whole model. `checkpoint`: the fine-tuned weights and tokenizer. Raises UsageError for a
    precision or backend that is not known.
    """
    weights = checkpoint or NO_CHECKPOINT
    head = "QuestionAnswering" if row["task"] == "squad" else "SequenceClassification"
    precision = PRECISIONS[row["precision"]]
    dtype = "bfloat16" if precision.quantised else precision.dtype
    lines = [
        "import torch",
        f"from transformers import AutoModelFor{head}, AutoTokenizer",
        "",
        f"checkpoint = {json.dumps(weights.name)}  # {weights.remark}",
        "tokenizer = AutoTokenizer.from_pretrained(checkpoint)",
    ]
    if precision.quantised:
        lines.append(f"# Measured with {precision.name} linear layers (docs/precisions.md); plain bf16 comes nearest.")
    lines += [
        f"dtype = torch.{dtype}",
        f"model = AutoModelFor{head}.from_pretrained(checkpoint, dtype=dtype)",
        *_cut(int(row["depth"]), full_depth, weights.layers),
        'device = "cuda" if torch.cuda.is_available() else "cpu"',
        "model = model.to(device).eval()",
    ]
    if precision.dtype == "float32":
        lines.append(f'torch.set_float32_matmul_precision("{"high" if precision.tf32 else "highest"}")')
    if not pd.isna(row["backend"]):
        lines += BACKENDS[row["backend"]].nearest
    return "\n".join([*lines, "", *_loop(row, head)]) + "\n"


def _cut(depth: int, full_depth: int, layers: str | None) -> list[str]:
    """Lines that keep the first layers. Where their path is unknown, the code looks for the one list of that length."""
    if depth >= full_depth:
        return []
    path = f"model.base_model.{layers}"
    found = [f"{path} = {path}[:{depth}]  # of {full_depth} layers"]
    if layers is None:
        found = [
            "lists = [m for m in model.base_model.modules() if isinstance(m, torch.nn.ModuleList)]",
            "(layers,) = (m for m in lists if len(m) == model.config.num_hidden_layers)",
            f"del layers[{depth}:]  # of {full_depth} layers",
        ]
    return [*found, f"model.config.num_hidden_layers = {depth}"]


def _loop(row: pd.Series | Mapping[str, Any], head: str) -> list[str]:
    batch = 64 if pd.isna(row["batch_size"]) else int(row["batch_size"])
    padding = "max_length" if pd.isna(row["padding"]) else str(row["padding"])
    sort = padding != "max_length"
    order = "sorted(range(len(texts)), key=lambda i: len(texts[i]))" if sort else "range(len(texts))"
    logits = (
        "zip(out.start_logits, out.end_logits)" if head == "QuestionAnswering" else "out.logits.argmax(-1).tolist()"
    )
    lines = [
        "",
        "@torch.inference_mode()",
        "def predict(texts):" + ("  # texts or (text, text) pairs" if row["task"] in ("qqp", "squad") else ""),
        f"    order = {order}" + ("  # like lengths together: little is padded" if sort else ""),
        "    answers = [None] * len(texts)",
        f"    for start in range(0, len(order), {batch}):",
        f"        chosen = order[start : start + {batch}]",
        "        inputs = tokenizer(",
        f"            [texts[i] for i in chosen], truncation=True, max_length={int(row['max_seq_len'])},",
        f'            padding="{padding if padding == "max_length" else "longest"}", return_tensors="pt",',
        "        ).to(device)",
        "        out = model(**inputs)",
        f"        for i, answer in zip(chosen, {logits}):",
        "            answers[i] = answer",
        "    return answers",
    ]
    if padding == "packed":
        lines[3:3] = ["    # Measured packed, without padding; batches padded to their longest come nearest."]
    return lines
