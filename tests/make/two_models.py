"""Rows of one sweep over two models of different depth, with known energies."""

from typing import Any

import pandas as pd

from tests.make.rows import flipped, frame, row

BIG, SMALL = "org/big", "small"
LAYERS = {BIG: 12, SMALL: 6}
SMALLER, HALF, SHORTER, CUT = 8.0, 4.0, 2.0, 1.2  # what the small model, fp16, 64 tokens and 5/6 of the layers save


def energy(model: str, depth: int, precision: str, max_seq_len: int) -> float:
    """J per example: every factor alike, whatever the others are; but fp16 saves the small model half as much."""
    half = 1.0 if precision == "fp32" else HALF if model == BIG else HALF / 2
    cut = 1.0 if depth == LAYERS[model] else CUT
    return 0.4 / (SMALLER if model == SMALL else 1.0) / half / cut / (SHORTER if max_seq_len == 64 else 1.0)


def gflop(model: str, depth: int, max_seq_len: int) -> float:
    """Of the whole big model at 128 tokens 20, of the small one 2; in proportion to layers and tokens."""
    return (20.0 if model == BIG else 2.0) * depth / LAYERS[model] * max_seq_len / 128


def records(**values: Any) -> list[dict[str, Any]]:
    """Of each model: fp32 and fp16, 128 and 64 tokens, all layers and 5/6 of them. The small one loses one of 872
    examples and gains another; with fewer layers either loses 100."""
    return [
        row(
            length,
            depth,
            precision,
            model=model,
            energy=energy(model, depth, precision, length),
            bits=flipped(*((0, 0) if model == BIG else (1, 1))) if depth == layers else flipped(100, 0),
            model_place=place,
            layers=layers,
            gflop_per_example=gflop(model, depth, length),
            weights_digest=f"weights of {model}",
            recipe_digest=f"recipe of {model}",
            **values,
        )
        for place, (model, layers) in enumerate(LAYERS.items())
        for precision in ("fp32", "fp16")
        for length in (128, 64)
        for depth in (layers, layers * 5 // 6)
    ]


def rows(**values: Any) -> pd.DataFrame:
    return frame(records(**values))
