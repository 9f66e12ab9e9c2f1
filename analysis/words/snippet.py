"""The few lines of Python that load and run a model the way a configuration was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from search_spaces.trial_config import model_slug

_DTYPES = {
    "fp32": "torch.float32",
    "tf32": "torch.float32",
    "bf16": "torch.bfloat16",
    "fp16": "torch.float16",
    "int8": "torch.bfloat16",  # what its layers are carried in
    "fp8": "torch.bfloat16",
}
_BACKENDS = {
    "compile": "model = torch.compile(model)",
    "cuda_graph": 'model = torch.compile(model, mode="reduce-overhead")  # the nearest to a plain CUDA graph',
    "compile_cuda_graph": 'model = torch.compile(model, mode="reduce-overhead")  # compiled, in a CUDA graph',
}


@dataclass(frozen=True)
class Checkpoint:
    """Where the fine-tuned weights and their tokenizer are: a relative path or a hub id, and a remark."""

    name: str
    remark: str = "the fine-tuned weights"


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
        return Checkpoint(target.relative_to(here).as_posix(), remark)
    return Checkpoint(target.relative_to(above).as_posix(), f"{remark}, from the folder that holds it")


def snippet(row: pd.Series | Mapping[str, Any], full_depth: int, checkpoint: Checkpoint | None = None) -> str:
    """Plain `transformers` code, ready to paste, for a row of `configurations`.

    `full_depth`: layers of the whole model. `checkpoint`: the fine-tuned weights and tokenizer.
    """
    weights = checkpoint or NO_CHECKPOINT
    head = "QuestionAnswering" if row["task"] == "squad" else "SequenceClassification"
    precision, model = str(row["precision"]), str(row["model"])
    lines = [
        "import torch",
        f"from transformers import AutoModelFor{head}, AutoTokenizer",
        "",
        f"checkpoint = {json.dumps(weights.name)}  # {weights.remark}",
        "tokenizer = AutoTokenizer.from_pretrained(checkpoint)",
    ]
    if precision in ("int8", "fp8"):
        lines.append(f"# Measured with {precision} linear layers (docs/precisions.md); plain bf16 comes nearest.")
    lines += [
        f"dtype = {_DTYPES.get(precision, 'torch.float32')}",
        f"model = AutoModelFor{head}.from_pretrained(checkpoint, dtype=dtype)",
        *_cut(int(row["depth"]), full_depth, model),
        'device = "cuda" if torch.cuda.is_available() else "cpu"',
        "model = model.to(device).eval()",
    ]
    if precision in ("fp32", "tf32"):
        name = "high" if precision == "tf32" else "highest"
        lines.append(f'torch.set_float32_matmul_precision("{name}")')
    if row["backend"] in _BACKENDS:
        lines.append(_BACKENDS[str(row["backend"])])
    return "\n".join([*lines, "", *_loop(row, head)]) + "\n"


def _cut(depth: int, full_depth: int, model: str) -> list[str]:
    if depth >= full_depth:
        return []
    owner, name = "model.base_model.encoder", "layer"
    if "distil" in model.lower():
        owner = "model.base_model.transformer"
    elif "modernbert" in model.lower():
        owner, name = "model.base_model", "layers"
    return [
        f"{owner}.{name} = {owner}.{name}[:{depth}]  # of {full_depth} layers",
        f"model.config.num_hidden_layers = {depth}",
    ]


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
