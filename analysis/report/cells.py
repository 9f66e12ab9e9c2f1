"""Tables of a report as text cells with sort keys: configurations, neighbours of the choice, exclusions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.recommend import NOT_WORSE, WORSE
from analysis.findings.slices import (
    LATENCY,
    Quantity,
    describe,
    energy_quantity,
    same_as,
    score_quantity,
    told_axes,
    wilson,
)
from analysis.words.rounding import MISSING, format_interval, format_with_uncertainty, points_change, points_word
from search_spaces.axes import AXES
from search_spaces.objectives import OBJECTIVES, score_names

ROW_LIMIT = 500
_VERDICT_RANK = {NOT_WORSE: 0, WORSE: 2}


@dataclass(frozen=True)
class Head:
    text: str
    unit: str = ""
    numeric: bool = False
    first: str = "ascending"  # order of the first click
    sorted: str = ""  # the order the table comes in


@dataclass(frozen=True)
class Cell:
    text: str
    value: float | str | None = None  # sort key; "" keeps an empty cell last
    numeric: bool = False
    badge: str = ""


@dataclass(frozen=True)
class Row:
    cells: list[Cell]
    role: str = ""


@dataclass(frozen=True)
class Table:
    heads: list[Head]
    rows: list[Row]
    note: str = ""


def configuration_table(assessment: Assessment, baseline: pd.Series) -> Table:
    """Every configuration: those that keep accuracy first, the cheapest first; at most `ROW_LIMIT` rows,
    the baseline and the frontier always among them."""
    table = assessment.table.sort_values("energy_j_per_example", kind="stable")
    if "verdict" in table:
        table = table.sort_values("verdict", key=lambda v: v.map(_VERDICT_RANK).fillna(1), kind="stable")
    note = ""
    if len(table) > ROW_LIMIT:
        first = table["front"].astype(bool) if "front" in table else pd.Series(False, index=table.index)
        chosen = same_as(table, baseline, AXES).index
        keep = first | table.index.isin(chosen)
        keep |= (~keep).cumsum() <= max(ROW_LIMIT - int(keep.sum()), 0)
        note = f"{int(keep.sum())} of {len(table)}: the frontier and the cheapest; results.csv has all."
        table = table[keep]
    energy = energy_quantity(assessment.table)
    columns: list[tuple[Head, Callable[[Any], Cell]]] = []
    columns += [_axis(a) for a in told_axes(assessment.table)]
    if table["accuracy"].notna().any() or score_quantity(table) is None:
        columns.append((Head("Accuracy", "%", True, "descending"), _accuracy))
    for name in score_names():
        if name != "accuracy" and name in table and table[name].notna().any():
            word = OBJECTIVES[name].word
            columns.append((Head(word[0].upper() + word[1:], "%", True, "descending"), _share(name)))
    if "accuracy_difference" in table and score_quantity(table) is not None:
        columns.append((Head("Change", "points", True, "descending"), _change))
        columns.append(
            (Head("Accuracy kept?", f"within {points_word(assessment.tolerance)}", sorted="ascending"), _verdict)
        )
    word = "Est. energy" if assessment.estimated else "Energy"
    columns.append((Head(word, energy.unit, True), _quantity(energy)))
    if "energy_ratio" in table:
        columns.append((Head("Saving", "×", True, "descending"), _saving))
    if "front" in table:
        columns.append((Head("Frontier", "", False, "descending"), _front))
    columns.append((Head("Latency", LATENCY.unit, True), _quantity(LATENCY)))
    if table["peak_gpu_memory_mib"].notna().any():
        columns.append((Head("Memory", "MiB", True), _plain("peak_gpu_memory_mib", "{:.0f}")))
    if table["mean_power_w"].notna().any() and not assessment.estimated:
        columns.append((Head("Power", "W", True, "descending"), _plain("mean_power_w", "{:.0f}")))
    columns.append((Head("Trials", "", True, "descending"), _plain("n_trials", "{:.0f}")))
    shared = shared_flags(assessment.clean)
    own = {text: [f for f in filter(None, text.split(";")) if f not in shared] for text in set(table["flags"])}
    if any(own.values()):
        columns.append((Head("Flags"), lambda r: Cell(", ".join(map(flag_words, own[r["flags"]])))))
    if shared:
        note = f"{note} Every trial is flagged: {', '.join(map(flag_words, shared))}.".strip()
    choice = assessment.recommendation.value.choice if assessment.recommendation.value else None
    roles = pd.Series("", index=table.index)
    roles[table.index.isin(same_as(table, baseline, AXES).index)] = "baseline"
    if choice is not None:
        roles[table.index.isin(same_as(table, choice, AXES).index)] = "recommended"
    records = table.to_dict("records")
    rows = [
        Row([_own(head, make(record), role) for head, make in columns], role)
        for record, role in zip(records, roles, strict=True)
    ]
    return Table([head for head, _ in columns], rows, note)


def _own(head: Head, cell: Cell, role: str) -> Cell:
    """The baseline is compared with nobody."""
    if role != "baseline":
        return cell
    if head.text == "Accuracy kept?":
        return replace(cell, text="baseline", badge="")
    return replace(cell, text="1") if head.text == "Saving" else cell


def shared_flags(rows: pd.DataFrame) -> list[str]:
    """Flags that every trial carries: said once, not in every row."""
    first, *others = [str(text).split(";") for text in rows["flags"].unique()] or [[]]
    return [f for f in first if f and all(f in other for other in others)]


def flag_words(name: str) -> str:
    """ "interval_not_reached" -> "interval not reached"."""
    return name.replace("_", " ")


def neighbour_table(assessment: Assessment, neighbours: pd.DataFrame, changed_only: bool = False) -> Table:
    """The cheapest not-worse configuration per axis: `Recommendation.single_axis` (of which only what changed
    needs to be named) or `.runners_up`."""
    energy = energy_quantity(assessment.table)
    varying = told_axes(assessment.table)
    heads = [
        Head("Axis"),
        Head("Changed to" if changed_only else "Configuration"),
        Head("Saving", "×", True),
        Head("Accuracy change", "points", True),
        Head("Energy", energy.unit, True),
        Head("Latency", LATENCY.unit, True),
    ]
    rows = []
    for row in neighbours.to_dict("records"):
        cells = [
            Cell(AXES[row["axis"]].title),
            Cell(describe(pd.Series(row), [row["axis"]] if changed_only else varying)),
            _saving(row),
        ]
        rows.append(Row([*cells, _change(row), _quantity(energy)(row), _quantity(LATENCY)(row)]))
    return Table(heads, rows)


def plain_table(frame: pd.DataFrame, heads: dict[str, str]) -> Table:
    """Columns of a frame as text, under the heads given."""
    names = [c for c in heads if c in frame]
    rows = [
        Row([Cell("" if pd.isna(v) else str(v)) for v in values]) for values in frame[names].itertuples(index=False)
    ]
    return Table([Head(heads[c]) for c in names], rows)


def _axis(name: str) -> tuple[Head, Callable[[Any], Cell]]:
    axis = AXES[name]
    numeric = axis.ordered
    return Head(axis.title, axis.unit, numeric), lambda r: Cell(
        MISSING if pd.isna(r[name]) else f"{r[name]:.0f}" if numeric else str(r[name]),
        "" if pd.isna(r[name]) else r[name],
        numeric,
    )


def _accuracy(r: Any) -> Cell:
    if pd.isna(r["accuracy"]):
        return Cell(MISSING, "", True)
    if pd.isna(r["examples"]):
        return Cell(f"{100 * r['accuracy']:.1f}", r["accuracy"], True)
    low, high = wilson(pd.Series([r["accuracy"]]).to_numpy(float), pd.Series([r["examples"]]).to_numpy(float))
    half = 50 * float(high[0] - low[0])
    return Cell(format_with_uncertainty(100 * r["accuracy"], half), r["accuracy"], True)


def _share(name: str) -> Callable[[Any], Cell]:
    return lambda r: Cell(MISSING if pd.isna(r[name]) else f"{100 * r[name]:.1f}", _key(r[name]), True)


def _change(r: Any) -> Cell:
    value = r["accuracy_difference"]
    if pd.isna(value):
        return Cell(MISSING, "", True)
    return Cell(points_change(value, r["examples"]), value, True)


def _verdict(r: Any) -> Cell:
    verdict = str(r["verdict"])
    badge = {NOT_WORSE: "good", WORSE: "bad"}.get(verdict, "unsure")
    return Cell(verdict, str(_VERDICT_RANK.get(verdict, 1)), badge=badge)


def _quantity(quantity: Quantity) -> Callable[[Any], Cell]:
    def cell(r: Any) -> Cell:
        value = r[quantity.column]
        if pd.isna(value):
            return Cell(MISSING, "", True)
        error = r.get(quantity.error_column) if quantity.error_column else None
        half = None if error is None or pd.isna(error) else float(error) * quantity.factor
        return Cell(format_with_uncertainty(float(value) * quantity.factor, half), value, True)

    return cell


def _saving(r: Any) -> Cell:
    value = r["energy_ratio"]
    if pd.isna(value):
        return Cell(MISSING, "", True)
    text = format_interval(value, r["energy_ratio_low"], r["energy_ratio_high"])
    return Cell(text.split(" (")[0], value, True)


def _plain(name: str, pattern: str) -> Callable[[Any], Cell]:
    return lambda r: Cell(MISSING if pd.isna(r[name]) else pattern.format(r[name]), _key(r[name]), True)


def _front(r: Any) -> Cell:
    probability = r.get("front_probability")
    known = probability is not None and not pd.isna(probability)
    share = f" · {100 * probability:.0f} %" if known else ""
    if r["front"]:
        return Cell(f"on it{share}", f"2{probability if known else 0:.4f}")
    if r.get("indistinguishable"):
        return Cell(f"maybe{share}", f"1{probability:.4f}")
    return Cell("", "" if not known else f"0{probability:.4f}")


def _key(value: Any) -> Any:
    return "" if pd.isna(value) else value
