"""Per-example correctness of each configuration, aligned over the same examples."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.configurations import configuration_columns
from analysis.statistics.arrays import Bools
from analysis.statistics.seeds import weights_columns
from trainables.rows.bits import decode_bits


@dataclass(frozen=True)
class Correctness:
    """Which of `examples` examples each configuration gets right, per seed of its weights."""

    bits: dict[tuple[object, ...], dict[object, Bools]]  # row key -> seed -> (examples,)
    examples: int

    def by_seed(self, key: tuple[object, ...]) -> dict[object, Bools]:
        return self.bits.get(key, {})

    def paired(self, key: tuple[object, ...], other: tuple[object, ...]) -> list[tuple[Bools, Bools]]:
        """(bits of one, bits of the other) on the same examples, for each fine-tuning that both have: the same weights,
        or of two models those of the same seed."""
        mine, theirs = self.by_seed(key), self.by_seed(other)
        if key[_MODEL] != other[_MODEL]:
            mine, theirs = _of_one_seed(mine), _of_one_seed(theirs)
        return [(bits, theirs[weights]) for weights, bits in mine.items() if weights in theirs]


_MODEL = configuration_columns().index("model")


def _of_one_seed(by_weights: dict[object, Bools]) -> dict[object, Bools]:
    """By the seed alone, where that names one fine-tuning."""
    seeds = [weights[0] for weights in by_weights if isinstance(weights, tuple)]
    return {seed: bits for seed, bits in zip(seeds, by_weights.values(), strict=True) if seeds.count(seed) == 1}


def correctness(rows: pd.DataFrame) -> Correctness:
    """Bits of every configuration that has them (of a seed's replicates the first: the weights are the same).

    Raises CannotAnswer when no row has bits, or rows were evaluated on different numbers of examples.
    """
    have = rows[rows["correct_bits"].notna() & rows["examples"].notna()]
    if have.empty:
        raise CannotAnswer("No row says which examples it got right (correct_bits), so predictions cannot be paired.")
    counts = sorted(set(have["examples"].astype(int)))
    if len(counts) > 1:
        raise CannotAnswer(
            f"The rows were evaluated on different numbers of examples ({', '.join(map(str, counts))}), "
            f"so their predictions cannot be paired: choose rows with the same --eval-examples."
        )
    weights = weights_columns(have)
    have = have.drop_duplicates([*(k for k in configuration_columns() if k in have), *weights])
    bits: dict[tuple[object, ...], dict[object, Bools]] = {}
    seeds = list(zip(*(_objects(have[k]) for k in weights), strict=True))
    for key, seed, text in zip(row_keys(have), seeds, have["correct_bits"], strict=True):
        try:
            bits.setdefault(key, {})[seed] = decode_bits(text, counts[0])
        except ValueError as error:
            raise CannotAnswer(f"Predictions cannot be paired: {error}.") from error
    return Correctness(bits, counts[0])


def row_keys(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """The configuration of each row as a dictionary key, None for null."""
    return list(zip(*(_objects(table[k]) for k in configuration_columns()), strict=True))


def _objects(column: pd.Series) -> list[object]:
    return [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
