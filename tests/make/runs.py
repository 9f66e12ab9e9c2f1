"""A made-up but plausible run, from formulas: rows with every column, anchors, environment. Deterministic.

Energy is linear in layers x tokens per precision, accuracy saturates in length and depth, and the
noise is seeded, so the same arguments always give the same table.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from search_spaces.trial_config import TrialConfig
from trainables.rows.columns import COLUMNS, empty_row

J_PER_TOKEN_LAYER = {"fp32": 2.4e-4, "tf32": 6.5e-5, "bf16": 3.2e-5, "fp16": 3.2e-5}
FIXED_J = {"fp32": 0.012, "tf32": 0.009, "bf16": 0.0075, "fp16": 0.0075}
UUID = "GPU-3f2a91c4-77aa-4b11-9d0e-1234567890ab"


# Windows per question at each limit, with an overlap of 128 tokens: those of SQuAD's development set.
SQUAD_WINDOWS = {128: 2.39, 160: 1.76, 192: 1.42, 224: 1.23, 256: 1.14, 320: 1.04, 384: 1.02}


def accuracy_of(max_seq_len: int, depth: int, full_depth: int, text_tokens: float = 11.0) -> float:
    """Flat above about four times `text_tokens` and at full depth; chance where most layers are gone."""
    length = 1 - np.exp(-max_seq_len / text_tokens)
    layers = 1 / (1 + np.exp(-(depth / full_depth - 0.62) * 16))
    return float(0.5 + 0.432 * length * layers)


def row_of(
    config: TrialConfig,
    rng: np.random.Generator,
    *,
    full_depth: int = 12,
    examples: int = 872,
    energy_source: str = "nvml_counter",
    flags: str = "",
    started_at: float = 1.8e9,
    text_tokens: float = 11.0,
    windows: dict[int, float] | None = None,
) -> dict[str, Any]:
    """A finished trial of `config`. `windows`: model inputs per example at each limit (none: one)."""
    inputs = (windows or {}).get(config.max_seq_len, 1.0)
    clean = inputs * (
        FIXED_J[config.precision] + J_PER_TOKEN_LAYER[config.precision] * config.max_seq_len * config.depth
    )
    energy = clean * (1 + 0.008 * rng.standard_normal())
    watts = 65.0 if energy_source == "estimate" else 640.0 if config.precision == "fp32" else 430.0
    right = round(accuracy_of(config.max_seq_len, config.depth, full_depth, text_tokens) * examples)
    # Which examples go wrong is nested: what the best configuration misses, every worse one misses too.
    order = np.random.default_rng(7).permutation(examples)
    correct = np.zeros(examples, dtype=bool)
    correct[order[:right]] = True
    if energy_source == "estimate":
        flags = ";".join(filter(None, ["estimated", flags]))
    measured = energy_source != "estimate"
    return empty_row(
        trial_id=config.trial_id,
        **config.to_dict(),
        status="ok",
        accuracy=right / examples,
        correct_bits=base64.b64encode(np.packbits(correct).tobytes()).decode(),
        examples=examples,
        examples_per_pass=examples,
        energy_j_per_example=energy,
        energy_j_per_example_ci95=0.004 * energy,
        energy_j_per_correct=energy / (right / examples),
        net_energy_j_per_example=energy * 0.85,
        energy_source=energy_source,
        counter_power_residual=0.004 if measured else None,
        edge_error_j_per_example=0.001 * energy if measured else None,
        latency_ms_per_example=energy / watts * 1e3,
        mean_power_w=watts,
        idle_power_w=75.0 if measured else None,
        peak_gpu_memory_mib=300.0 + 2.1 * config.max_seq_len + 20 * config.depth if measured else None,
        temperature_start_c=52.0 if measured else None,
        temperature_end_c=54.0 if measured else None,
        sm_clock_mhz=1755.0 if measured else None,
        weights_digest=f"weights-{config.seed}",
        recipe_digest="recipe",
        data_digest="data",
        windows=8,
        window_s=1.4,
        total_s=11.2,
        warmup_s=2.5,
        setup_s=3.1,
        trial_s=17.0,
        started_at=started_at,
        tokens_per_example=inputs * config.max_seq_len,
        real_tokens_per_example=inputs * min(config.max_seq_len, 2.3 * text_tokens),
        inputs_per_example=inputs,
        matmul_reference_j_per_example=(
            12
            * 2
            * 7.1e6
            * min(config.max_seq_len, 25)
            * config.depth
            / 12
            * (13.6e-12 if config.precision == "fp32" else 1.08e-12)
            if measured
            else None
        ),
        gpu_name="NVIDIA H100 80GB HBM3" if measured else "Intel Xeon CPU",
        gpu_uuid=UUID if measured else None,
        worker="host:4242",
        flags=flags,
    )


def table(
    lengths: tuple[int, ...] = (16, 32, 48, 64, 128),
    depths: tuple[int, ...] = (6, 8, 10, 12),
    precisions: tuple[str, ...] = ("fp32", "fp16"),
    seeds: tuple[int, ...] = (42,),
    replicates: int = 1,
    task: str = "sst2",
    model: str = "bert-base-uncased",
    **settings: Any,
) -> pd.DataFrame:
    """Every combination (40 rows by default)."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in seeds:
        for replicate in range(replicates):
            for precision in precisions:
                for depth in depths:
                    for length in lengths:
                        config = TrialConfig(
                            task=task,
                            model=model,
                            seed=seed,
                            max_seq_len=length,
                            depth=depth,
                            precision=precision,
                            replicate=replicate,
                        )
                        started = 1.8e9 + 20.0 * len(rows)
                        rows.append(row_of(config, rng, full_depth=max(depths), started_at=started, **settings))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def failed_row(config: TrialConfig, error: str, status: str = "failed") -> dict[str, Any]:
    """A trial that measured nothing."""
    return empty_row(trial_id=config.trial_id, **config.to_dict(), status=status, error=error, flags="")


def anchors(cards: int = 1, n: int = 9) -> pd.DataFrame:
    """One fixed load measured every four minutes; each further card needs 2.4 % more than the first."""
    rng = np.random.default_rng(3)
    rows = []
    for card in range(cards):
        for i in range(n):
            energy = (0.082 + 0.002 * card) * (1 + 0.003 * np.sin(i / 2) + 0.001 * rng.standard_normal())
            rows.append(
                {
                    "trial_id": f"t{card}-{i}",
                    "started_at": 1.8e9 + 240.0 * i + 30 * card,
                    "gpu_uuid": card_uuid(card),
                    "worker": f"host:{card}",
                    "energy_j_per_example": energy,
                    "mean_power_w": 640.0,
                    "temperature_c": 55.0,
                }
            )
    return pd.DataFrame(rows)


def card_uuid(card: int) -> str:
    return UUID if card == 0 else f"GPU-{card:08x}-0000"


ENVIRONMENT: dict[str, Any] = {
    "gpus": [{"name": "NVIDIA H100 80GB HBM3", "uuid": UUID, "power_limit_w": 700, "driver": "580.95.05"}],
    "packages": {"torch": "2.13.0", "transformers": "5.17.0", "ray": "2.56.0"},
    "python": "3.12.3",
    "git_commit": "dbf802f",
}


def write_csv_run(folder: Path, rows: pd.DataFrame, environment: dict[str, Any] | None = None) -> Path:
    """A folder with results.csv, environment.json and anchors.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / "results.csv", index=False)
    (folder / "environment.json").write_text(json.dumps(environment or ENVIRONMENT))
    return folder


def two_tasks(root: Path, **changes: dict[str, Any]) -> list[Path]:
    """sst2 and squad, as one card would measure them; `changes` by task go to `table`."""
    made = {
        "sst2": {"lengths": (16, 32, 48, 64, 128), "depths": (10, 12)},
        "squad": {
            "lengths": tuple(SQUAD_WINDOWS),
            "depths": (10, 12),
            "windows": SQUAD_WINDOWS,
            "text_tokens": 55,
            "examples": 10570,
        },
    }
    return [
        write_csv_run(root / task, table(task=task, **(settings | changes.get(task, {}))))
        for task, settings in made.items()
    ]


def tuned(*energies: float | None, source: str = "nvml_counter", **values: object) -> pd.DataFrame:
    """finetune.csv with one run per energy, of seeds 42, 43, ..."""
    known = {"task": "sst2", "model": "bert-base", "train_energy_source": source} | values
    return pd.DataFrame([known | {"seed": 42 + i, "train_energy_j": e} for i, e in enumerate(energies)])
