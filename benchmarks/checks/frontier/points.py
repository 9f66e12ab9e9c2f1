"""The configurations that are compared: the paper's baseline, the way to the cheapest, and its neighbours."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from search_spaces.trial_config import TrialConfig

TOKENS = 128  # above SST-2's longest validation sentence (55): nothing is cut


class Point(NamedTuple):
    """What differs between configurations that cut no token and no layer."""

    precision: str
    batch_size: int
    padding: str
    backend: str


AXES = list(Point._fields)
BASELINE = Point("fp32", 64, "max_length", "eager")
AS_PUBLISHED = [BASELINE, Point("tf32", 64, "max_length", "eager"), Point("fp16", 64, "max_length", "eager")]
POINTS = [
    *AS_PUBLISHED,
    Point("fp16", 64, "max_length", "cuda_graph"),
    Point("fp16", 64, "longest", "cuda_graph"),
    Point("fp16", 109, "longest", "compile_cuda_graph"),
    # The way from fp16 as published to the cheapest, one axis at a time, and its neighbours.
    Point("fp16", 64, "packed", "eager"),
    Point("fp16", 64, "packed", "cuda_graph"),
    Point("fp16", 64, "packed", "compile_cuda_graph"),
    Point("fp16", 109, "packed", "compile_cuda_graph"),
    Point("fp16", 218, "packed", "compile_cuda_graph"),
    Point("fp16", 436, "packed", "compile_cuda_graph"),
    Point("bf16", 218, "packed", "compile_cuda_graph"),
    Point("fp8", 218, "packed", "compile_cuda_graph"),
    Point("fp8", 436, "packed", "compile_cuda_graph"),
    Point("int8", 218, "packed", "compile_cuda_graph"),
    Point("fp16", 436, "packed", "fused"),
    Point("fp16", 872, "packed", "fused"),
    Point("fp16", 872, "packed", "fused_tanh"),
    Point("fp8", 872, "packed", "fused"),
    Point("int8", 872, "packed", "fused"),
]


def trials(model: str, depth: int, points: Sequence[Point], replicate: int = 0) -> list[TrialConfig]:
    """Measuring trials of the points, at full length and with `depth` layers."""
    return [
        TrialConfig(
            task="sst2", model=model, seed=42, max_seq_len=TOKENS, depth=depth, replicate=replicate, **point._asdict()
        )
        for point in points
    ]


def cheapest(rows: pd.DataFrame, count: int) -> list[Point]:
    """The configurations with the least J/example, over their trials; what is run as published is no candidate."""
    means = {point: own["energy_j_per_example"].mean() for point, own in by_point(rows).items()}
    return [point for point in sorted(means, key=lambda p: means[p]) if point not in AS_PUBLISHED][:count]


def by_point(rows: pd.DataFrame) -> dict[Point, pd.DataFrame]:
    """The trials that succeeded, by configuration."""
    found = {}
    key: Any
    for key, own in rows[rows["status"] == "ok"].groupby(AXES):
        precision, batch_size, padding, backend = key
        found[Point(precision, int(batch_size), padding, backend)] = own
    return found
