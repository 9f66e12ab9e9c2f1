"""Configurations as tables: all of an assessment, and the neighbours of its choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.confirmation import Confirmation
from analysis.findings.front_probability import BETWEEN_TRIALS, spreads
from analysis.findings.slices import same_as, told_axes
from analysis.findings.verdict import NOT_WORSE, WORSE
from analysis.report.cells import Cell, Head, Record, Row, Table, change_cell, quantity_cell, saving_cell, sort_key
from analysis.report.exclusions import flag_words, shared_flags
from analysis.statistics.proportions import wilson
from analysis.words.configuration import describe
from analysis.words.quantities import LATENCY, Quantity, energy_quantity
from analysis.words.rounding import MISSING, format_factor, format_with_uncertainty, points_word
from search_spaces.axes import AXES
from search_spaces.objectives import OBJECTIVES, score_names

ROW_LIMIT = 500
_VERDICT_RANK = {NOT_WORSE: 0, WORSE: 2}
_KEPT, _SAVING = "Accuracy kept?", "Saving"  # heads of columns in which the baseline is compared with nobody

_Column = tuple[Head, Callable[[Record], Cell]]


def configuration_table(assessment: Assessment) -> Table:
    """Every configuration: those that keep accuracy first, the cheapest first; at most `ROW_LIMIT` rows, the baseline
    and the frontier always among them."""
    table = assessment.table.sort_values("energy_j_per_example", kind="stable")
    if "verdict" in table:
        table = table.sort_values("verdict", key=lambda v: v.map(_VERDICT_RANK).fillna(1), kind="stable")
    notes = []
    if len(table) > ROW_LIMIT:
        shown = table[_shortened(table, assessment.baseline)]
        notes.append(f"{len(shown)} of {len(table)}: the frontier and the cheapest; results.csv has all.")
        table = shown
    shared = shared_flags(assessment.clean)
    if shared:
        notes.append(f"Every trial is flagged: {', '.join(map(flag_words, shared))}.")
    columns = _columns(assessment, table, shared)
    roles = _roles(assessment, table)
    rows = [
        Row([_own(head, make(record), role, assessment.confirmation.value) for head, make in columns], role)
        for record, role in zip(table.to_dict("records"), roles, strict=True)
    ]
    return Table([head for head, _ in columns], rows, " ".join(notes))


def neighbour_table(assessment: Assessment, neighbours: pd.DataFrame, changed_only: bool = False) -> Table:
    """The cheapest not-worse configuration per axis: `Recommendation.single_axis` (of which only what changed
    needs to be named) or `.runners_up`."""
    energy, repeated = energy_quantity(assessment.table), bool(assessment.baseline["n_trials"] > 1)
    varying = told_axes(assessment.table)
    heads = [
        Head("Axis"),
        Head("Changed to" if changed_only else "Configuration"),
        Head(_SAVING, "×", True),
        Head("Accuracy change", "points", True),
        Head("Energy", energy.unit, True),
        Head("Latency", LATENCY.unit, True),
    ]
    rows = []
    for row in neighbours.to_dict("records"):
        words = describe(pd.Series(row), [row["axis"]] if changed_only else varying)
        cells = [Cell(AXES[row["axis"]].title), Cell(words), saving_cell(row, repeated), change_cell(row)]
        rows.append(Row([*cells, quantity_cell(row, energy), quantity_cell(row, LATENCY)]))
    return Table(heads, rows)


def _shortened(table: pd.DataFrame, baseline: pd.Series) -> pd.Series[bool]:
    """Which rows are shown where there are too many: the frontier, the baseline, then the first."""
    keep = table["front"].astype(bool) if "front" in table else pd.Series(False, index=table.index)
    keep = keep | table.index.isin(same_as(table, baseline, AXES).index)
    return keep | ((~keep).cumsum() <= max(ROW_LIMIT - int(keep.sum()), 0))


def _columns(assessment: Assessment, table: pd.DataFrame, shared: list[str]) -> list[_Column]:
    columns = [_axis(name) for name in told_axes(assessment.table)]
    columns += _score_columns(assessment, table)
    energy = energy_quantity(assessment.table)
    columns.append(_quantity("Est. energy" if assessment.estimated else "Energy", energy))
    if "energy_ratio" in table:
        repeated = bool(assessment.baseline["n_trials"] > 1)
        columns.append((Head(_SAVING, "×", True, "descending"), lambda r: saving_cell(r, repeated)))
    if "front" in table:
        shares = repeated_shares(assessment)
        unit = "share of resamples" if shares else ""
        columns.append((Head("Frontier", unit, False, "descending"), _front if shares else _on_front))
    columns.append(_quantity("Latency", LATENCY))
    if table["peak_gpu_memory_mib"].notna().any():
        columns.append((Head("Memory", "MiB", True), _number("peak_gpu_memory_mib")))
    if table["mean_power_w"].notna().any() and not assessment.estimated:
        columns.append((Head("Power", "W", True, "descending"), _number("mean_power_w")))
    columns.append((Head("Trials", "", True, "descending"), _number("n_trials")))
    own = {text: [f for f in filter(None, text.split(";")) if f not in shared] for text in set(table["flags"])}
    if any(own.values()):
        columns.append((Head("Flags"), lambda r: Cell(", ".join(map(flag_words, own[r["flags"]])))))
    return columns


def _score_columns(assessment: Assessment, table: pd.DataFrame) -> list[_Column]:
    """The scores that the task has, and how the first compares with the baseline's."""
    columns: list[_Column] = []
    for name in score_names():
        known = name in table and table[name].notna().any()
        if known or (name == "accuracy" and not assessment.scored):
            word = OBJECTIVES[name].word
            make = _accuracy if name == "accuracy" else _share(name)
            columns.append((Head(word[0].upper() + word[1:], "%", True, "descending"), make))
    if "accuracy_difference" in table and assessment.scored:
        columns.append((Head("Change", "points", True, "descending"), change_cell))
        within = f"within {points_word(assessment.tolerance)}"
        columns.append((Head(_KEPT, within, sorted="ascending"), _verdict))
    return columns


def _roles(assessment: Assessment, table: pd.DataFrame) -> pd.Series[str]:
    roles = pd.Series("", index=table.index)
    roles[same_as(table, assessment.baseline, AXES).index] = "baseline"
    found = assessment.recommendation.value
    if found is not None and found.choice is not None:
        roles[same_as(table, found.choice, AXES).index] = "recommended"
    return roles


def _own(head: Head, cell: Cell, role: str, confirmed: Confirmation | None) -> Cell:
    """The baseline is compared with nobody; the choice's saving is known from fresh trials alone."""
    if role == "recommended" and head.text == _SAVING:
        if confirmed is None:
            return replace(cell, text=f"{cell.text.split(' ')[0].rstrip(',')}, not confirmed")
        s = confirmed.saving
        return Cell(format_factor(s.value, s.low, s.high), s.value, True)
    if role != "baseline":
        return cell
    if head.text == _KEPT:
        return replace(cell, text="baseline", badge="")
    return replace(cell, text="1") if head.text == _SAVING else cell


def _axis(name: str) -> _Column:
    axis = AXES[name]

    def cell(r: Record) -> Cell:
        value = r[name]
        text: str = MISSING if pd.isna(value) else f"{value:.0f}" if axis.ordered else str(axis.short(value))
        return Cell(text, sort_key(value), axis.ordered)

    return Head(axis.title, axis.unit, axis.ordered), cell


def _accuracy(r: Record) -> Cell:
    if pd.isna(r["accuracy"]) or pd.isna(r["examples"]):
        return _share("accuracy")(r)
    low, high = wilson(pd.Series([r["accuracy"]]).to_numpy(float), pd.Series([r["examples"]]).to_numpy(float))
    half = 50 * float(high[0] - low[0])
    return Cell(format_with_uncertainty(100 * r["accuracy"], half), r["accuracy"], True)


def _share(name: str) -> Callable[[Record], Cell]:
    return lambda r: Cell(MISSING if pd.isna(r[name]) else f"{100 * r[name]:.1f}", sort_key(r[name]), True)


def _number(name: str) -> Callable[[Record], Cell]:
    return lambda r: Cell(MISSING if pd.isna(r[name]) else f"{r[name]:.0f}", sort_key(r[name]), True)


def _verdict(r: Record) -> Cell:
    verdict = str(r["verdict"])
    badge = {NOT_WORSE: "good", WORSE: "bad"}.get(verdict, "unsure")
    return Cell(verdict, str(_VERDICT_RANK.get(verdict, 1)), badge=badge)


def _quantity(title: str, quantity: Quantity) -> _Column:
    return Head(title, quantity.unit, True), lambda r: quantity_cell(r, quantity)


def repeated_shares(assessment: Assessment) -> bool:
    """The shares of resamples know how separate trials differ: those within single trials would look like certainty."""
    table, front = assessment.table, assessment.front.value
    known = "front_probability" in table and bool(table["front_probability"].notna().any())
    return known and front is not None and set(spreads(front, assessment.objectives).values()) == {BETWEEN_TRIALS}


def _on_front(r: Record) -> Cell:
    """Without shares."""
    text = "on it" if r["front"] else "maybe" if r.get("indistinguishable") is True else ""
    return Cell(text, {"on it": "2", "maybe": "1"}.get(text, ""))


def _front(r: Record) -> Cell:
    """Sorted by whether it is on the frontier (2), may be (1) or is not (0), then by its probability."""
    probability = r.get("front_probability")
    if probability is None or pd.isna(probability):
        return Cell("on it", f"2{0:.4f}") if r["front"] else Cell("", "")
    share, key = f" · {100 * probability:.0f} %", f"{probability:.4f}"
    if r["front"]:
        return Cell(f"on it{share}", f"2{key}")
    return Cell(f"maybe{share}", f"1{key}") if r.get("indistinguishable") else Cell("", f"0{key}")
