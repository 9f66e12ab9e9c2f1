"""Per-example correctness of each configuration, aligned over the same examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.paired import decode_bits
from analysis.table import CONFIGURATION


@dataclass(frozen=True)
class Correctness:
    """`bits[key]` is (seeds, examples) of bool; `key` is a row's values of `keys`; `seeds[key]` names its rows."""

    keys: tuple[str, ...]
    bits: dict[tuple[object, ...], np.ndarray]
    seeds: dict[tuple[object, ...], list[object]]
    examples: int


def correctness(rows: pd.DataFrame, keys: tuple[str, ...] = CONFIGURATION) -> Correctness:
    """Bits of every configuration that has them (replicates of a seed: the first, the weights are the same).

    Raises CannotAnswer when no row has bits, or rows were evaluated on different numbers of examples.
    """
    have = rows[rows["correct_bits"].notna() & rows["examples"].notna()]
    if have.empty:
        raise CannotAnswer(
            "No row says which examples it got right (correct_bits), so predictions cannot be paired."
        )
    counts = sorted(set(have["examples"].astype(int)))
    if len(counts) > 1:
        raise CannotAnswer(
            f"The rows were evaluated on different numbers of examples ({', '.join(map(str, counts))}), "
            f"so their predictions cannot be paired: choose rows with the same --eval-examples."
        )
    have = have.drop_duplicates([*keys, "seed"])
    bits: dict[tuple[object, ...], list[np.ndarray]] = {}
    seeds: dict[tuple[object, ...], list[object]] = {}
    columns = [have[k].astype(object).where(have[k].notna(), None) for k in keys]
    texts = zip(*columns, have["seed"].astype(object), have["correct_bits"], strict=True)
    for *key, seed, text in texts:
        try:
            decoded = decode_bits(text, counts[0])
        except ValueError as error:
            raise CannotAnswer(f"Predictions cannot be paired: {error}.") from error
        bits.setdefault(tuple(key), []).append(decoded)
        seeds.setdefault(tuple(key), []).append(seed)
    return Correctness(keys, {k: np.stack(v) for k, v in bits.items()}, seeds, counts[0])


def key_of(row: pd.Series | dict[str, object], keys: tuple[str, ...] = CONFIGURATION) -> tuple[object, ...]:
    """The row's key as `Correctness` spells it."""
    return tuple(None if pd.isna(row[k]) else row[k] for k in keys)  # type: ignore[call-overload]
