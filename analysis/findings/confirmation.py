"""The saving told from fresh trials: measured after the choice was fixed, on one card, and nothing else.

The cheapest of many noisy configurations is the one that came out low: simulated on 32 of them with one trial each, its
saving was 36 % too high and its interval held the truth in 13 % of cases. Trials measured after the choice know nothing
of that luck (`benchmarks.checks.coverage`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.findings.configurations import usable
from analysis.findings.plain import plain
from analysis.findings.recommend import Recommendation
from analysis.findings.verdict import NOT_WORSE
from analysis.rows.types import LATENCY_CI
from analysis.statistics.arrays import Floats
from analysis.statistics.fresh import OnFreshExamples, on_fresh_examples
from analysis.statistics.intervals import Ratio, ratio
from analysis.statistics.welch import student_half_width, welch_difference, welch_ratio
from search_spaces.axes import AXES
from search_spaces.models import model_slug
from trainables.rows.bits import decode_bits
from trainables.rows.choice import TRIALS_EACH, Choice

FRESH = "fresh trials"  # kind of an interval
ENERGY = "energy_j_per_example"
Key = tuple[Any, ...]


@dataclass(frozen=True)
class RunnerUp:
    """A configuration that could have turned out cheaper: its fresh trials, and the choice's energy over its own."""

    row: pd.Series
    saving: Ratio


@dataclass(frozen=True)
class Confirmation:
    """What fresh trials say. Rows are those of the recommendation's table with energy and latency of the fresh trials,
    mean and Student-t 95 % half-width."""

    made: Choice
    baseline: pd.Series
    choice: pd.Series
    runners_up: list[RunnerUp]
    saving: Ratio  # baseline's energy over the choice's
    saved_j: tuple[float, float]  # J/example, and its 95 % half-width
    trials: int  # of each configuration
    device: str  # UUID of the card, or a device's name
    seed: int
    swept: float  # the saving by the trials that the choice rests on
    accuracy: OnFreshExamples | None = None  # on examples of --confirm-data

    @property
    def same_device(self) -> bool:
        """The sweep's trials ran on this device, too."""
        return self.device in self.made.sweep_devices

    @property
    def accuracy_holds(self) -> bool:
        """No fresh example speaks against the sweep's: there are none, or on them accuracy is not worse either."""
        return self.accuracy is None or self.accuracy.not_worse

    @property
    def cheaper(self) -> RunnerUp | None:
        """The runner-up that came out cheapest, where one came out cheaper than the choice."""
        return max((r for r in self.runners_up if r.saving.value > 1), key=lambda r: r.saving.value, default=None)


def confirmation(
    fresh: pd.DataFrame, choices: Sequence[tuple[str, Choice]], recommendation: Recommendation
) -> Confirmation:
    """The confirmation of what is recommended; where nothing is since no accuracy is known, of the cheapest.

    `fresh`: fresh trials (`analysis.rows.purpose`) of the same task, model, kind of card and sensor. `choices`: of
    `load_choices`. Raises CannotAnswer with a sentence that says what is not confirmed and why; without words where
    nothing was tried.
    """
    r = recommendation
    chosen = reference(r)
    if chosen is None or (fresh.empty and not choices):
        raise CannotAnswer("")
    if not choices:
        raise CannotAnswer(
            "There are fresh trials, but no confirmation.json beside the rows says which choice they confirm."
        )
    wanted = (row_key(r.baseline), row_key(chosen))
    made = [(run, c) for run, c in choices if (key_of(c.baseline), key_of(c.of_the_sweep)) == wanted]
    if not made:
        raise CannotAnswer(
            "What was confirmed is not this choice, but one of other trials, another tolerance or another version."
        )
    for run, choice in made:
        found = complete_set(fresh[fresh["run"] == run] if "run" in fresh else fresh, choice)
        if found is not None:
            return _told(found, choice, r)
    raise CannotAnswer(_incomplete(fresh, made[0][1]))


def reference(r: Recommendation) -> pd.Series | None:
    """What there is to confirm: the choice; where no accuracy is known the cheapest. None where it is the baseline."""
    if r.choice is not None or r.scored:
        return r.choice
    return None if r.cheapest["is_baseline"] else r.cheapest


def overlapping(r: Recommendation) -> pd.DataFrame:
    """Configurations that the choice was preferred to although they could be cheaper: their energy's interval reaches
    below the upper end of the choice's. Rows of the table, the cheapest first."""
    chosen = reference(r)
    table: pd.DataFrame = r.table[~r.table["is_baseline"]].sort_values(ENERGY, kind="stable")
    if chosen is None:
        return table.iloc[:0]
    if r.scored:
        table = table[table["verdict_among_many"] == NOT_WORSE]
    half = f"{ENERGY}_ci95"
    could = table[ENERGY] - table[half] <= chosen[ENERGY] + chosen[half]
    could &= (table.index != chosen.name) & (table[ENERGY] < r.baseline[ENERGY])
    return pd.DataFrame(table[could])


def promoted(r: Recommendation, found: Confirmation | None) -> Recommendation:
    """The recommendation with its choice replaced by the runner-up that another fresh set confirmed, if one was."""
    if found is None or found.made.replaces is None or r.choice is None:
        return r
    row = r.table[r.table.index == found.choice.name].iloc[0]
    return replace(r, choice=row, saving=ratio(r.baseline, row))


def key_of(configuration: Mapping[str, Any]) -> Key:
    """A configuration whatever its weights' seed, as a key; a model's path differs by machine."""
    own = (plain(configuration.get(axis)) for axis in AXES if axis != "model")
    return (configuration.get("task"), model_slug(str(configuration.get("model"))), *own)


def row_key(row: pd.Series) -> Key:
    """The same of a row."""
    return key_of({str(name): value for name, value in row.items()})


def complete_set(fresh: pd.DataFrame, choice: Choice) -> dict[Key, pd.DataFrame] | None:
    """The usable trials of each configuration of the newest fresh set that is whole and on one device; None where
    there is none."""
    clean = usable(fresh)[0]
    keys = pd.Series([row_key(row) for _, row in clean.iterrows()], index=clean.index, dtype=object)
    wanted = [key_of(configuration) for configuration in choice.configurations]
    for first in reversed(choice.sets):
        own = clean[(clean["replicate"] >= first) & (clean["replicate"] < first + TRIALS_EACH)]
        own = own[own["seed"] == choice.choice["seed"]]
        if choice.fresh_data is not None:
            answered = own["fresh_data_digest"] == choice.fresh_data.get("digest")
            own = own[answered & own["fresh_correct_bits"].notna() & own["fresh_examples"].notna()]
        found = {key: own[keys[own.index] == key] for key in wanted}
        together = pd.concat(list(found.values()))
        whole = all(len(part) == TRIALS_EACH for part in found.values())
        if whole and len(set(devices(together))) == 1:
            return found
    return None


def devices(rows: pd.DataFrame) -> list[str]:
    """UUID of each row's card, or the device's name where it has none."""
    return [
        str(uuid if pd.notna(uuid) else name) for uuid, name in zip(rows["gpu_uuid"], rows["gpu_name"], strict=True)
    ]


def _told(found: dict[Key, pd.DataFrame], made: Choice, r: Recommendation) -> Confirmation:
    keys = [key_of(c) for c in made.configurations]
    table = {row_key(row): row for _, row in r.table.iterrows()}
    energies = {key: found[key][ENERGY].to_numpy(dtype=float) for key in keys}
    base, chosen, *others = keys
    runners_up = [
        RunnerUp(_fresh_row(table[key], found[key]), fresh_ratio(energies[chosen], energies[key]))
        for key in others
        if key in table
    ]
    return Confirmation(
        made=made,
        baseline=_fresh_row(table[base], found[base]),
        choice=_fresh_row(table[chosen], found[chosen]),
        runners_up=runners_up,
        saving=fresh_ratio(energies[base], energies[chosen]),
        saved_j=welch_difference(energies[base], energies[chosen]),
        trials=TRIALS_EACH,
        device=devices(found[base])[0],
        seed=int(made.choice["seed"]),
        swept=float(table[base][ENERGY] / table[chosen][ENERGY]),
        accuracy=_accuracy(found[base].iloc[0], found[chosen].iloc[0], made),
    )


def _accuracy(base: pd.Series, chosen: pd.Series, made: Choice) -> OnFreshExamples | None:
    """By the first trial of each: the others answer the same examples once more."""
    if made.fresh_data is None:
        return None
    answers = [decode_bits(row["fresh_correct_bits"], int(row["fresh_examples"])) for row in (base, chosen)]
    return on_fresh_examples(answers[0], answers[1], made.tolerance)


def fresh_ratio(first: Floats, second: Floats) -> Ratio:
    """Energy of one configuration's fresh trials over another's, with Welch's interval."""
    value, low, high = (float(v) for v in welch_ratio(first, second))
    return Ratio(value, low, high, FRESH)


def _fresh_row(row: pd.Series, trials: pd.DataFrame) -> pd.Series:
    out = row.copy()
    for name, half in ((ENERGY, f"{ENERGY}_ci95"), ("latency_ms_per_example", LATENCY_CI)):
        values = trials[name].to_numpy(dtype=float)
        out[name], out[half] = values.mean(), student_half_width(values)
    return out


def _incomplete(fresh: pd.DataFrame, choice: Choice) -> str:
    begun = fresh[fresh["replicate"] >= min(choice.sets, default=0)]
    clean, excluded = usable(begun)
    cards = np.unique(devices(clean))
    why = f"{len(clean)} of {TRIALS_EACH * len(choice.configurations)} fresh trials are there"
    if len(excluded):
        why += f", and {len(excluded)} measured nothing that counts ({excluded['reason'].iloc[0]})"
    elif len(cards) > 1:
        why = f"the fresh trials are spread over {len(cards)} cards"
    return f"The confirmation is not whole: {why}."
