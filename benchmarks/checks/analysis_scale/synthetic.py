"""A synthetic sweep in the documented columns."""

import numpy as np
import pandas as pd

from trainables.rows.bits import encode_bits

LENGTHS = (16, 24, 32, 40, 48, 64, 80, 96, 112, 128)
DEPTHS = tuple(range(1, 13))


def rows(count: int, seed: int = 0) -> pd.DataFrame:
    """A synthetic sweep in the documented columns: 10 lengths, 12 depths, 4 precisions, 21 replicates."""
    rng = np.random.default_rng(seed)
    i = np.arange(count)
    length = np.array(LENGTHS)[i % 10]
    depth = np.array(DEPTHS)[i // 10 % 12]
    precision = i // 120 % 4
    energy = (0.005 + 2e-5 * depth * length) / np.array([1.0, 3.5, 6.0, 6.2])[precision]
    accuracy = 0.93 - 0.3 * np.exp(-length / 12) - 0.03 * (12 - depth)
    right = rng.random((count, 1)) * 0.002 + accuracy[:, None]
    correct = rng.random(872)[None, :] < right
    names = np.array(["fp32", "tf32", "bf16", "fp16"])[precision]
    return pd.DataFrame(
        {
            "trial_id": [f"t{n}" for n in i],
            "task": "sst2",
            "model": "bert-base",
            "seed": 42,
            "max_seq_len": length,
            "depth": depth,
            "precision": names,
            "batch_size": 64,
            "padding": "max_length",
            "backend": "eager",
            "replicate": i // 480,
            "status": "ok",
            "accuracy": correct.mean(axis=1),
            "correct_bits": [encode_bits(row) for row in correct],
            "examples": 872,
            "energy_j_per_example": energy * (1 + 0.01 * rng.standard_normal(count)),
            "energy_j_per_example_ci95": 0.005 * energy,
            "energy_source": "nvml_counter",
            "latency_ms_per_example": 2 * energy,
            "peak_gpu_memory_mib": 400 + length,
            "window_s": 2.0,
            "tokens_per_example": length.astype(float),
            "gpu_name": "H100",
            "gpu_uuid": "GPU-1",
            "flags": "",
        }
    )
