"""From a trial of a run to the folder that is taken away."""

import math
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.models import NamedModel
from search_spaces.trial_config import TrialConfig
from serving.bundle import CARD_FILE, Bundle, write_bundle
from serving.model_card import model_card
from serving.run_folder import Source, finetuning_cost, label_names, load_weights, weights_source
from serving.weights import save_weights
from trainables.digest import digest_of
from trainables.model.loading import ModelFiles, from_files, load_tokenizer
from trainables.rows.columns import COLUMNS
from trainables.tasks import get_task
from trainables.tasks.base import Task
from trainables.tasks.special_tokens import SpecialTokens
from trainables.tasks.token_cache import tokenized

PACKAGES = (
    *("jouletune", "torch", "transformers", "tokenizers", "safetensors"),
    *("onnxruntime", "onnxruntime-gpu", "openvino"),
)
NOT_TAKEN = ("correct_bits", "worker", "ray_device", "null_reasons", "gpu_uuid", "error")  # of a row: large, or local


def export(source: Source, output: Path, data_dir: Path | None = None, co2_g_per_kwh: float | None = None) -> Bundle:
    """Write the folder `output`, which must not exist. `data_dir`: the evaluation data, where they are no longer where
    the sweep had them. `co2_g_per_kwh`: of the electricity that the fine-tuning used."""
    check_new(output)
    task = get_task(source.trial.task)
    weights = weights_source(source)
    labels = label_names(source, task, weights)
    files = load_weights(source, task, weights, labels)
    tokenizer = load_tokenizer(weights)
    examples, problem = _evaluation(source, task, data_dir)
    columns = task.text_columns(examples)
    if not columns:
        raise UsageError(
            f"what the texts are called is in the data, but they cannot be read ({problem}); give --data-dir"
        )
    bundle = Bundle(
        configuration=source.trial.to_dict(),
        trial=source.trial.trial_id,
        text_columns=columns,
        labels=labels,
        token_types=SpecialTokens.of(tokenizer, len(columns) > 1).types is not None,
        tokens_per_batch=tokens_per_batch(source.row, source.trial),
        cut_share=None if examples is None else _cut_share(source, task, examples, tokenizer),
        measured={name: source.row.get(name) for name in COLUMNS if name not in NOT_TAKEN},
        recommendation=None if source.recommended is None else asdict(source.recommended),
        finetuning=finetuning_cost(source),
        versions=_versions(),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    card = model_card(bundle, _base_model(source), co2_g_per_kwh)
    write_folder(output, bundle, files, tokenizer, card)
    return bundle


def write_folder(output: Path, bundle: Bundle, files: ModelFiles, tokenizer: Any, card: str) -> None:
    """Everything into a folder beside `output` first: an export is there whole or not at all."""
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        save_weights(from_files(files), bundle.config, temporary)
        tokenizer.save_pretrained(temporary)
        (temporary / CARD_FILE).write_text(card, encoding="utf-8")
        write_bundle(temporary, bundle)
        check_new(output)
        temporary.rename(output)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new(output: Path) -> None:
    """UsageError where something is in the way of an export, or nobody may write there."""
    if output.exists() or output.is_symlink():
        raise UsageError(f"an export goes into a new folder, but {output} exists; give another --output-dir")
    above = next(p for p in output.absolute().parents if p.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise UsageError(f"an export must go where it can be written, but {above} cannot be; give another --output-dir")


def tokens_per_batch(row: Mapping[str, Any], trial: TrialConfig) -> int | None:
    """Tokens of each batch of a packed trial, filler included; None where it was padded."""
    if trial.padding != "packed":
        return None
    examples = row["examples_per_pass"]
    batches = math.ceil(round(row["inputs_per_example"] * examples) / trial.batch_size)
    return round(float(row["tokens_per_example"] * examples / batches))


def _evaluation(source: Source, task: Task, data_dir: Path | None) -> tuple[Any, str]:
    """The evaluation's examples, or None and why they are not there."""
    where = data_dir or (Path(source.sweep.data_dir) if source.sweep.data_dir else None)
    try:
        return task.load("validation", where, source.sweep.measuring.eval_examples), ""
    except UsageError as error:
        return None, str(error)


def _cut_share(source: Source, task: Task, examples: Any, tokenizer: Any) -> float | None:
    """Share of the evaluation's examples that lose text; None where these are not the sweep's."""
    if source.row.get("data_digest") not in (None, digest_of(examples)):
        return None
    return float(task.cut_short(tokenized(task, examples, tokenizer), source.trial.max_seq_len).mean())


def _base_model(source: Source) -> str | None:
    """A hub id; a path says nothing elsewhere."""
    sweep = source.sweep
    if len(sweep.models) > 1 and not sweep.tuned:
        return None
    model = (sweep.model_of(source.trial.model) if sweep.tuned else NamedModel.of(sweep.model[0])).source
    return (
        model if model.count("/") == 1 and not model.startswith((".", "/", "~")) and not Path(model).exists() else None
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # Jouletune itself may run from a checkout
            found[name] = version(name)
    return found
