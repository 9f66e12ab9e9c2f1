"""Where the saving comes from: a waterfall from the baseline's energy to the choice's, one axis switched at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.style import GREEN, INK, MUTED, VERMILLION, finish, new_figure, plain_log_ticks, styled
from analysis.figures.style import title as set_title
from analysis.findings.assessment import Assessment
from analysis.findings.confirmation import Confirmation
from analysis.findings.decomposition import Step
from analysis.findings.saving import saving
from analysis.findings.slices import main_axes
from analysis.words.configuration import describe
from analysis.words.confirmation import basis
from analysis.words.quantities import energy_quantity
from analysis.words.rounding import format_interval, times
from search_spaces.axes import AXES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOLD_RANGE = 1.02  # the most over the least that a step saves in any order: below, the order is not worth a word


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing]:
    found = saving(assessment)
    if found is None:
        return
    energy = energy_quantity(assessment.table)
    recommended = assessment.scored
    frame = pd.DataFrame(
        {
            "label": [_switch(s) for s in found.steps],
            "before": [s.energy_before * energy.factor for s in found.steps],
            "after": [s.energy_after * energy.factor for s in found.steps],
            "note": [times(s.saving.value) for s in found.steps],
        }
    )
    parts = ", ".join(f"{AXES[s.axis].word} {times(s.saving.value)}" for s in found.steps)
    kind = "estimated energy" if assessment.estimated else "energy"
    confirmed = _confirmation(assessment, found.end)
    if confirmed is None:
        title = f"{times(found.ratio)} less {kind} ({basis(found.end['n_trials'], None)}): {parts}"
    else:
        s = confirmed.saving
        title = f"{format_interval(s.value, s.low, s.high, '×')} less {kind}. By the sweep's trials: {parts}"

    def drawn() -> Figure:
        return draw(
            frame,
            x_label=energy.label,
            title=title,
            subtitle=f"From {describe(found.baseline, main_axes(assessment.table))}",
            estimated=assessment.estimated,
            ends_called=("baseline", "recommended" if recommended else "cheapest with all steps"),
        )

    yield Drawing("saving", title, drawn, _caption(found.steps, recommended), in_markdown=True)


def _confirmation(assessment: Assessment, end: pd.Series) -> Confirmation | None:
    """The fresh trials of what the figure ends at."""
    found = assessment.confirmation.value
    return None if found is None or found.choice.name != end.name else found


def _caption(steps: list[Step], recommended: bool) -> str:
    sentences = [
        "One thing switched at a time, from the top; every step is two configurations by the sweep's own trials."
    ]
    if not recommended:
        sentences.append(
            "No accuracy is known; the end is the cheapest configuration to which every step was measured."
        )
    ranges = [
        f"{AXES[s.axis].word} {times(s.least)} to {times(s.most)}" for s in steps if s.most / s.least > TOLD_RANGE
    ]
    if ranges:
        sentences.append(f"What a step saves depends on the order; over all orders: {', '.join(ranges)}.")
    return " ".join(sentences)


def _switch(step: Step) -> str:
    """ "fp32 → fp16", "128 → 64 tokens"."""
    axis = AXES[step.axis]
    return f"{axis.short(step.before)} → {axis.short(step.after)} {axis.unit}".rstrip()


def draw(
    steps: pd.DataFrame,
    *,
    x_label: str,
    title: str,
    subtitle: str = "",
    estimated: bool = False,
    ends_called: tuple[str, str] = ("baseline", "recommended"),
) -> Figure:
    """Energy from the baseline (above) to the configuration (below), a row for each axis switched; log scale,
    so that equal factors are equally long.

    Args:
        steps: `label` ("fp32 → fp16"), `before` and `after` (drawn units), `note` ("3.7×"); in their order.
        ends_called: what the two grey bars are called.
    Raises:
        ValueError: no step to draw.
    """
    if steps.empty:
        raise ValueError("no step to draw")
    labels = [ends_called[0], *steps["label"], ends_called[1]]
    first, last = float(steps["before"].iloc[0]), float(steps["after"].iloc[-1])
    with styled():
        figure, axes = new_figure(height_in=0.9 + 0.26 * len(labels))
        axes.set_xscale("log")
        rows = np.arange(len(labels))
        ends = steps[["before", "after"]].to_numpy(dtype=float)
        least, most = float(ends.min()), float(ends.max())
        axes.set_xlim(least / 1.4, most * (most / least) ** 0.25)  # room for the last note
        left = axes.get_xlim()[0]
        for row, value in ((0, first), (rows[-1], last)):
            axes.barh(row, value - left, left=left, height=0.6, color=MUTED, alpha=0.55, lw=0)
        for i, step in enumerate(steps.itertuples(), start=1):
            before, after = float(step.before), float(step.after)  # type: ignore[arg-type]
            color = GREEN if after <= before else VERMILLION
            axes.barh(i, before - after, left=after, height=0.6, color=color, alpha=0.85, lw=0)
            axes.plot([before, before], [i - 0.7, i - 0.3], color=MUTED, lw=0.7)
            axes.plot([after, after], [i + 0.3, i + 0.7], color=MUTED, lw=0.7)
            _note(axes, max(before, after), i, str(step.note), bold=True)
        _note(axes, first, 0, f"{first:.3g}")
        _note(axes, last, int(rows[-1]), f"{last:.3g}")
        axes.set_yticks(rows, labels)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        plain_log_ticks(axes.xaxis, *axes.get_xlim())
        axes.set_xlabel(x_label)
        set_title(figure, title, subtitle)
        finish(figure, None, estimated)
    return figure


def _note(axes: Axes, x: float, row: int, text: str, bold: bool = False) -> None:
    """A step's factor, or an energy, right of its bar."""
    axes.annotate(
        text,
        (x, row),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=7,
        fontweight="bold" if bold else "normal",
        color=INK,
        va="center",
    )


FIGURE = PageFigure("saving", "saving", make)
