"""The tables of a comparison of tasks."""

from __future__ import annotations

import pandas as pd

from analysis.findings.agreement import Value
from analysis.findings.comparison import Comparison, TaskResult
from analysis.findings.confirmation import Confirmation
from analysis.findings.regime import RegimeEnd
from analysis.findings.verdict import FAILS, HOLDS, NOT_WORSE, WORSE
from analysis.report.cells import Cell, Head, Row, Table, saving_cell
from analysis.statistics.equivalence import EQUIVALENCE
from analysis.statistics.intervals import Ratio
from analysis.words.across import setting_words
from analysis.words.configuration import describe
from analysis.words.confirmation import ratio_words
from analysis.words.payback import count_words
from analysis.words.quantities import energy_quantity, score_quantity
from analysis.words.rounding import MISSING, count_of, format_percent, format_with_uncertainty, points_change, times
from search_spaces.axes import AXES, reducing_axes

SINGLE = ("max_seq_len", "precision", "depth")


def glance_table(c: Comparison) -> Table:
    """One line per task: its baseline, the cheapest configuration that keeps the score, and what saves how much."""
    heads = [Head("Task"), Head("Baseline"), Head("Score", "%", True), Head("Cheapest kept")]
    heads += [Head("Less energy", "×", True), Head("Change", "points", True)]
    heads += [Head(AXES[axis].word.capitalize(), "alone, ×", True) for axis in SINGLE]
    paid = any(task.assessment.payback for task in c.tasks)
    if paid:
        heads.append(Head("Paid back after", "inferences", True))
    rows = []
    for task in c.tasks:
        found, score = task.assessment.recommendation.value, score_quantity(task.assessment.table)
        if found is None:
            rows.append(Row([Cell(task.name), Cell(task.assessment.recommendation.problem)]))
            continue
        value = MISSING if score is None else f"{100 * found.baseline[score.column]:.1f}"
        cells = [Cell(task.name), Cell(describe(found.baseline, short=True)), Cell(value, numeric=True)]
        if found.choice is None or found.saving is None:
            cells += [Cell("none cheaper is known to"), Cell(MISSING, numeric=True), Cell(MISSING, numeric=True)]
        else:
            cells += [
                Cell(describe(found.choice, short=True)),
                Cell(_saving(found.choice, found.saving, task.assessment.confirmation.value), numeric=True),
            ]
            cells.append(Cell(points_change(found.choice["accuracy_difference"], found.examples), numeric=True))
        single = found.single_axis.set_index("axis") if len(found.single_axis) else pd.DataFrame()
        repeated = bool(found.baseline["n_trials"] > 1)
        cells += [
            saving_cell(single.loc[axis].to_dict(), repeated) if axis in single.index else Cell(MISSING, numeric=True)
            for axis in SINGLE
        ]
        if paid:
            cells.append(Cell(_payback(task), numeric=True))
        rows.append(Row(cells))
    note = "Length, precision, depth alone: what changing only that saves while the score is kept."
    if paid:
        note += " Paid back: after so many inferences the saving has made up for the energy of the fine-tuning."
    return Table(heads, [Row(row.cells + [Cell("")] * (len(heads) - len(row.cells))) for row in rows], note)


def _saving(choice: pd.Series, saving: Ratio, confirmed: Confirmation | None) -> str:
    value = times((saving if confirmed is None else confirmed.saving).value).removesuffix("×")
    return f"{value} ({ratio_words(choice['n_trials'], confirmed)})"


def _payback(task: TaskResult) -> str:
    found = task.assessment.payback
    return MISSING if found is None else count_words(found.inferences)


def regime_table(c: Comparison) -> Table:
    """Where each axis of each task stops keeping the score, precision by precision."""
    heads = [Head("Axis"), Head("Task"), Head("Precision"), Head("Kept down to")]
    heads += [Head("Less energy there", "×", True), Head("Text left there", "%", True)]
    heads += [Head("Next smaller"), Head("Change", "points", True), Head("Verdict")]
    rows = []
    for axis in reducing_axes():
        for task in c.tasks:
            rows += [_regime_row(end, task) for end in task.ends.get(axis, [])]
    note = (
        "Kept: not worse than the baseline by more than the tolerance (paired test, one-sided 5 %) at this value and "
        "every larger one measured. Text left: tokens of an example against those at the longest limit; above 100 % "
        "where windows of a long text overlap."
    )
    return Table(heads, rows, note)


def _regime_row(end: RegimeEnd, task: TaskResult) -> Row:
    unit = AXES[end.axis].unit
    cells = [Cell(AXES[end.axis].word.capitalize()), Cell(task.name), Cell(end.precision)]
    if end.last is None:
        cells += [Cell("nowhere"), Cell(MISSING, numeric=True)]
    else:
        cells += [Cell(count_of(end.value or 0, unit)), saving_cell(end.last.to_dict(), end.last["n_trials"] > 1)]
    shown = end.tokens_kept if end.axis == "max_seq_len" else None
    cells.append(Cell(MISSING if shown is None else format_percent(100 * shown).removesuffix(" %"), numeric=True))
    if end.beyond is None:
        return Row([*cells, Cell("none measured"), Cell(MISSING, numeric=True), Cell(MISSING)])
    verdict = str(end.beyond["verdict"]) or "unknown"
    change = end.beyond["accuracy_difference"]
    text = MISSING if pd.isna(change) else points_change(change, end.beyond["examples"])
    badge = {NOT_WORSE: "good", WORSE: "bad"}.get(verdict, "unsure")
    cells += [Cell(count_of(int(end.beyond[end.axis]), unit)), Cell(text, numeric=True), Cell(verdict, badge=badge)]
    return Row(cells)


def coefficient_table(c: Comparison) -> Table:
    """The lines of energy against tokens, task by task, and what an input costs at the length that is compared."""
    squared = any("c" in part.terms for part in c.per_token)
    heads = [Head("Precision"), Head("Task"), Head("Lengths", "tokens", True)]
    heads += [Head("Per input", "mJ", True), Head("Per token", "µJ", True)]
    heads += [Head("Per pair of tokens", "nJ", True)] if squared else []
    heads += [Head("Input at", "tokens", True), Head("costs", "mJ", True), Head("Line misses", "% (median)", True)]
    rows = []
    for part in c.per_token:
        for line in part.lines:
            values = line.coefficients
            cells = [Cell(setting_words(part, c)), Cell(line.task)]
            cells.append(Cell(f"{line.tokens.min():.0f} to {line.tokens.max():.0f}", numeric=True))
            cells += [_value(values["a"], 1e3), _value(values["b"], 1e6)]
            if squared:
                cells.append(_value(values["c"], 1e9) if "c" in values else Cell(MISSING, numeric=True))
            at = part.at_tokens
            cells.append(Cell(f"{at:.0f}" if at else MISSING, numeric=True))
            cells.append(_value(part.compared[line.task], 1e3) if at else Cell(MISSING, numeric=True))
            error = line.loo_percent
            miss = MISSING if error is None else format_percent(error).removesuffix(" %")
            rows.append(Row([*cells, Cell(miss, numeric=True)]))
    note = (
        "At full depth, all layers together; ± 95 % (HC3, Student-t). What an input costs is what was measured "
        "where replicates say how far trials differ, and the line's otherwise."
    )
    return Table(heads, rows, note if rows else "")


def _value(value: Value, factor: float) -> Cell:
    half = (value.high - value.low) / 2
    return Cell(format_with_uncertainty(value.value * factor, half * factor), numeric=True)


def factor_table(c: Comparison) -> Table | None:
    """Energy in one precision over that in another, task by task; None where one precision was measured."""
    rows = []
    for task in c.tasks:
        for _, part in task.assessment.models:
            for factor in part.value.precision_factors if part.value else []:
                value = MISSING if factor.factor is None else times(factor.factor).removesuffix("×")
                apart = MISSING if factor.deviation_percent is None else f"{factor.deviation_percent:.2g}"
                badge = {HOLDS: "good", FAILS: "bad"}.get(factor.verdict, "unsure")
                cells = [Cell(f"{factor.slow} over {factor.fast}"), Cell(task.name), Cell(value, numeric=True)]
                cells += [Cell(str(len(factor.stable)), numeric=True)]
                rows.append(Row([*cells, Cell(apart, numeric=True), Cell(factor.verdict, badge=badge)]))
    if not rows:
        return None
    heads = [Head("Precisions"), Head("Task"), Head("Energy factor", "×", True), Head("Pairs", "", True)]
    heads += [Head("Largest departure", "%", True), Head("One factor?")]
    note = (
        "Within the stable regime, over all lengths and depths measured in both precisions; one factor holds where no "
        f"pair departs from it by more than {100 * EQUIVALENCE:g} %, its interval included."
    )
    return Table(heads, sorted(rows, key=lambda row: row.cells[0].text), note)


def measured_table(c: Comparison) -> Table:
    """What each task brings: trials, examples, energy and latency at its baseline."""
    heads = [Head("Task"), Head("Trials", "", True), Head("Seeds", "", True), Head("Examples", "", True)]
    heads += [Head("Inputs per example", "at the baseline", True), Head("Energy", "J/example", True)]
    rows = []
    for task in c.tasks:
        row = task.baseline if task.baseline is not None else task.assessment.table.iloc[0]
        energy = energy_quantity(task.assessment.table)
        half = row[energy.error_column] if energy.error_column else float("nan")
        inputs = row.get("inputs_per_example")
        cells = [
            Cell(task.name),
            Cell(str(len(task.assessment.clean)), numeric=True),
            Cell(str(len(task.assessment.clean["seed"].dropna().unique())), numeric=True),
            Cell(MISSING if pd.isna(row["examples"]) else f"{row['examples']:.0f}", numeric=True),
            Cell(MISSING if pd.isna(inputs) else f"{inputs:.3g}", numeric=True),
            Cell(format_with_uncertainty(row[energy.column], half), numeric=True),
        ]
        rows.append(Row(cells))
    return Table(heads, rows)
