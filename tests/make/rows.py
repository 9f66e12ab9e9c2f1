"""Rows and run folders with known answers, in the format that Tune's loggers write. No Ray, no torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.rows.types import set_types
from search_spaces.trial_config import SWEEP, TrialConfig
from trainables.rows.bits import encode_bits
from trainables.rows.columns import WINDOW_TABLE, empty_row

EXAMPLES = 872


def row(
    max_seq_len: int = 128,
    depth: int = 12,
    precision: str = "fp32",
    *,
    energy: float | None = 0.1,
    right: int = 800,
    bits: np.ndarray | None = None,
    seed: int = 42,
    replicate: int = 0,
    **values: Any,
) -> dict[str, Any]:
    """A clean measured row; `right` examples are correct (the first ones) unless `bits` says which."""
    trial = TrialConfig(
        task=values.pop("task", "sst2"),
        model=values.pop("model", "bert-base"),
        seed=seed,
        max_seq_len=max_seq_len,
        depth=depth,
        precision=precision,
        batch_size=values.pop("batch_size", 64),
        padding=values.pop("padding", "max_length"),
        backend=values.pop("backend", "eager"),
        replicate=replicate,
        purpose=values.pop("purpose", SWEEP),
    )
    correct = np.arange(EXAMPLES) < right if bits is None else bits
    defaults = {
        "trial_id": trial.trial_id,
        "status": "ok",
        "accuracy": float(correct.mean()),
        "correct_bits": encode_bits(correct),
        "examples": len(correct),
        "examples_per_pass": len(correct),
        "energy_j_per_example": energy,
        "energy_j_per_example_ci95": None if energy is None else 0.001 * energy,
        "energy_source": "nvml_counter",
        "latency_ms_per_example": 0.5,
        "mean_power_w": 300.0,
        "peak_gpu_memory_mib": 500.0,
        "tokens_per_example": float(max_seq_len),
        "real_tokens_per_example": 25.0,
        "weights_digest": f"weights-{seed}",
        "recipe_digest": "recipe",
        "data_digest": "data",
        "windows": 5,
        "window_s": 2.0,
        "total_s": 10.0,
        "started_at": 1000.0 + replicate,
        "gpu_name": "H100",
        "gpu_uuid": "GPU-1",
        "flags": "",
    }
    return empty_row(**(trial.to_dict() | defaults | values))


def flipped(lost: int, gained: int, right: int = 800) -> np.ndarray:
    """The first `right` examples correct; of these `lost` become wrong, of the others `gained` right."""
    bits = np.arange(EXAMPLES) < right
    bits[:lost] = False
    bits[right : right + gained] = True
    return bits


def losing(places: slice) -> np.ndarray:
    """Which examples are right where a baseline that answers 800 of 872 loses those of `places` of the 800."""
    bits = np.arange(EXAMPLES) < 800
    bits[places] = False
    return bits


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as `analysis.rows.load` gives them."""
    return set_types(pd.DataFrame(rows)).assign(latency_ms_per_example_ci95=np.nan, run="fabricated")


def linear_rows(
    a: float = 0.005,
    b: float = 2e-5,
    c: float = 0.0,
    *,
    lengths: tuple[int, ...] = (16, 24, 32, 40, 48, 64, 96, 128),
    depths: tuple[int, ...] = (2, 4, 6, 8, 10, 12),
    factors: dict[str, float] | None = None,
    noise: float = 0.0,
    replicates: int = 1,
    rng: np.random.Generator | None = None,
) -> list[dict[str, Any]]:
    """E = (a + b depth tokens + c depth tokens^2) / factor of the precision, with relative noise."""
    rng = rng or np.random.default_rng(0)
    return [
        row(
            length,
            depth,
            precision,
            energy=(a + b * depth * length + c * depth * length**2) / factor * (1 + noise * rng.standard_normal()),
            replicate=replicate,
        )
        for precision, factor in (factors or {"fp32": 1.0}).items()
        for length in lengths
        for depth in depths
        for replicate in range(replicates)
    ]


def write_trial(
    experiment: Path,
    result: dict[str, Any] | None,
    *,
    config: dict[str, Any] | None = None,
    name: str = "",
    error: str = "",
    windows: list[list[float]] | None = None,
    timestamp: float = 1.0,
    tail: str = "",
) -> Path:
    """A trial's folder as Tune's JSON logger leaves it: NaN allowed, `trial_id` overwritten with Ray's."""
    source = result or config or {}
    job = {k: source[k] for k in TrialConfig.__dataclass_fields__ if source.get(k) is not None}
    number = len(list(experiment.glob("*"))) if experiment.exists() else 0
    folder = experiment / (name or f"MeasureTrainable_ab12_{number:05d}")
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps({"job": job}))
    lines = ""
    if result is not None:
        line = result | {"trial_id": f"ab12_{number:05d}", "timestamp": timestamp, "done": True, "config": {"job": job}}
        line |= {k: float("nan") for k in ("f1",) if line.get(k) is None}
        if windows is not None:
            line[WINDOW_TABLE] = windows
        lines = json.dumps(line) + "\n"
    (folder / "result.json").write_text(lines + tail)
    if error:
        (folder / "error.txt").write_text(f"Failure # 1\nTraceback\n  File x\n{error}\n")
    return folder


# Windows per question of a long text at each limit, as an overlap of 128 tokens gives them.
WINDOWS = {128: 2.4, 160: 1.76, 192: 1.42, 256: 1.14, 384: 1.02}


def windowed_rows(a: float, b: float, c: float, depths: tuple[int, ...] = (2, 4, 6)) -> list[dict[str, Any]]:
    """Energy a per window, b per token and layer, c per pair of tokens within a window and layer."""
    return [
        row(
            length,
            depth,
            energy=count * (a + b * depth * length + c * depth * length**2),
            tokens_per_example=count * length,
            inputs_per_example=count,
        )
        for length, count in WINDOWS.items()
        for depth in depths
    ]
