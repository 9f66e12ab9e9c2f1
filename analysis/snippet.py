"""The few lines of Python that load and run a model the way a configuration was measured."""

from __future__ import annotations

from typing import Any

import pandas as pd

_DTYPES = {
    "fp32": "torch.float32",
    "tf32": "torch.float32",
    "bf16": "torch.bfloat16",
    "fp16": "torch.float16",
}
_BACKENDS = {
    "compile": "model = torch.compile(model)",
    "cuda_graph": 'model = torch.compile(model, mode="reduce-overhead")  # measured: a CUDA graph of the eager model',
    "compile_cuda_graph": 'model = torch.compile(model, mode="reduce-overhead")  # compiled, in a CUDA graph',
}


def snippet(row: pd.Series | dict[str, Any], full_depth: int, checkpoint: str | None = None) -> str:
    """Plain `transformers` code, ready to paste. `checkpoint` is a folder of fine-tuned weights."""
    head = "QuestionAnswering" if row["task"] == "squad" else "SequenceClassification"
    precision, depth = str(row["precision"]), int(row["depth"])
    length, batch = int(row["max_seq_len"]), 64 if pd.isna(row["batch_size"]) else int(row["batch_size"])
    tokenizer = str(row["model"]) if pd.notna(row["model"]) else "the-model"
    lines = [
        "import torch",
        f"from transformers import AutoModelFor{head}, AutoTokenizer",
        "",
        f"checkpoint = {checkpoint or 'path/to/checkpoint'!r}  # the fine-tuned weights",
    ]
    if tokenizer == "demo-bert":
        lines += [
            "from trainables.encoder import load_tokenizer",
            "",
            f"tokenizer = load_tokenizer({tokenizer!r})",
        ]
    else:
        lines.append(f"tokenizer = AutoTokenizer.from_pretrained({tokenizer!r})")
    lines.append(
        f"model = AutoModelFor{head}.from_pretrained(checkpoint, dtype={_DTYPES.get(precision, 'torch.float32')})"
    )
    if depth < full_depth:
        lines += [
            f"encoder = model.base_model.encoder  # keep the first {depth} of {full_depth} layers",
            f"encoder.layer = encoder.layer[:{depth}]",
            f"model.config.num_hidden_layers = {depth}",
        ]
    lines.append('device = "cuda" if torch.cuda.is_available() else "cpu"')
    lines.append("model = model.to(device).eval()")
    if precision in ("fp32", "tf32"):
        lines.append(f'torch.set_float32_matmul_precision("{"high" if precision == "tf32" else "highest"}")')
    backend = str(row["backend"])
    if backend in _BACKENDS:
        lines.append(_BACKENDS[backend])
    lines += [
        "",
        *_loop("max_length" if pd.isna(row["padding"]) else str(row["padding"]), length, batch, head),
    ]
    return "\n".join(lines) + "\n"


def _loop(padding: str, length: int, batch: int, head: str) -> list[str]:
    outputs = "model(**inputs)" if head == "QuestionAnswering" else "model(**inputs).logits.argmax(-1)"
    pad = '"max_length"' if padding == "max_length" else '"longest"'
    lines = ["", "@torch.inference_mode()", "def predict(texts):"]
    if padding in ("longest", "packed"):
        lines.append("    texts = sorted(texts, key=len)  # like lengths together, so that little is padded")
    if padding == "packed":
        lines.append(
            "    # measured packed, without any padding; batches padded to their longest are the nearest here"
        )
    lines += [
        f"    for start in range(0, len(texts), {batch}):",
        f"        batch = texts[start : start + {batch}]",
        f'        inputs = tokenizer(batch, truncation=True, max_length={length}, padding={pad}, return_tensors="pt")',
        "        inputs = inputs.to(device)",
        f"        yield {outputs}",
    ]
    return lines
