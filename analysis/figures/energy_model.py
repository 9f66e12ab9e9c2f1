"""A fitted energy model against what was measured, and what it leaves over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.page_figure import Drawing, PageFigure
from analysis.figures.style import INK, finish, new_figure, ordered_series, precision_style, styled
from analysis.figures.style import title as set_title
from analysis.findings.assessment import Assessment
from analysis.findings.energy_model.band import fitted_band
from analysis.findings.energy_model.fit import Fit
from analysis.findings.energy_model.model import EnergyModel
from analysis.findings.slices import group_axes
from analysis.words.configuration import describe
from analysis.words.energy_model import law, spelled
from analysis.words.quantities import Quantity, energy_quantity
from analysis.words.rounding import format_percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_MODELS = 6  # pictures, the groups with the most trials; energy_model.json has all
LINEAR_PERCENT = 10.0  # median leave-one-out error above which a title does not call energy linear


def make(assessment: Assessment, anchors: pd.DataFrame) -> Iterator[Drawing]:
    """One picture per group of comparable rows in which a line could be fitted."""
    several = len(assessment.models) > 1
    shown = 0
    for number, (common, part) in enumerate(assessment.models, start=1):
        model = part.value
        if model is None or not (model.depth_fits or model.length_fits):
            continue
        name = f"energy_model_{number}" if several else "energy_model"
        told = group_axes([shared for shared, _ in assessment.models])
        group = describe(pd.Series(common), told) if several else ""
        yield _drawing(name, assessment, model, group)
        shown += 1
        if shown == MOST_MODELS:
            return


def _drawing(name: str, assessment: Assessment, model: EnergyModel, group: str) -> Drawing:
    energy = energy_quantity(assessment.table)
    fits = model.depth_fits or model.length_fits
    by_depth = fits[0].by_depth
    of = "example" if fits[0].one_input else "model input"
    title = _title(fits, "layers and tokens" if by_depth else "tokens")

    def drawn() -> Figure:
        label = energy.label if fits[0].one_input else energy.label.replace("/example", "/input")
        return draw(
            _points(model, fits, energy),
            pd.concat([_line(fit, energy) for fit in fits], ignore_index=True),
            x_label=f"Layers × tokens processed per {of}" if by_depth else f"Tokens processed per {of}",
            y_label=label.replace(" (", "\n("),
            title=title,
            subtitle=group or "Points: one per configuration; lines: fitted",
            estimated=assessment.estimated,
        )

    return Drawing(name, title, drawn, _caption(fits))


def _title(fits: Sequence[Fit], what: str) -> str:
    errors = [f.loo_median_percent for f in fits if f.loo_median_percent is not None]
    if any(f.coefficient("b").value <= 0 for f in fits):
        return f"Energy does not grow with {what}"
    if errors and max(errors) <= LINEAR_PERCENT:
        return f"Energy is linear in {what} to {format_percent(max(errors))} (median)"
    if errors:
        return f"A line in {what} misses energy by {format_percent(max(errors))} (median)"
    return f"Energy against {what}"


def _caption(fits: Sequence[Fit]) -> str:
    formulas = "; ".join(f"{f.precision}: {spelled(law(f))}" for f in fits)
    caption = f"{formulas}. Shaded: 95 % of the fitted line."
    if any(len(f.coefficients) > 2 for f in fits):
        caption += " With the attention term, the line is drawn at the full depth."
    return caption


def _points(model: EnergyModel, fits: Sequence[Fit], energy: Quantity) -> pd.DataFrame:
    """What was measured, per model input, with what each fit leaves over."""
    place = ["max_seq_len", "depth"]
    parts = []
    for fit in fits:
        known = model.measured.loc[model.measured["precision"] == fit.precision, [*place, "energy_j_per_example_ci95"]]
        rows = fit.residuals.merge(known, on=place, how="left")
        inputs = rows["inputs_per_example"]
        parts.append(
            pd.DataFrame(
                {
                    "x": rows["tokens_per_example"] / inputs * (rows["depth"] if fit.by_depth else 1),
                    "y": rows["energy_j_per_example"] * energy.factor / inputs,
                    "y_error": rows["energy_j_per_example_ci95"].astype(float) * energy.factor / inputs,
                    "residual_percent": rows["residual_percent"],
                    "series": fit.precision,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _line(fit: Fit, energy: Quantity) -> pd.DataFrame:
    band = fitted_band(fit)
    scaled = band[["mean", "low", "high"]] * energy.factor
    return scaled.rename(columns={"mean": "y"}).assign(x=band["work"], series=fit.precision)


def draw(
    data: pd.DataFrame,
    lines: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    subtitle: str = "",
    estimated: bool = False,
) -> Figure:
    """Above, points and fitted lines; below, residuals in percent of the fitted value.

    Args:
        data: `x`, `y` (measured), `y_error` (half-width, null: none), `residual_percent`, `series`
            (precision).
        lines: `x`, `y` (fitted), `low`, `high` (95 % band, null: none), `series`; drawn in the order of x.
    Raises:
        ValueError: no point to draw.
    """
    data = data.dropna(subset=["x", "y"])
    if data.empty:
        raise ValueError("no point of the energy model to draw")
    with styled():
        figure, (top, bottom) = new_figure(height_in=3.3, rows=2, sharex=True, height_ratios=[2.2, 1])
        bottom.axhline(0, color=INK, lw=0.8, alpha=0.6, zorder=1.5)
        for name in ordered_series(data["series"]):
            color, marker = precision_style(name)
            rows = data[data["series"] == name]
            line = lines[lines["series"] == name].sort_values("x")
            if line[["low", "high"]].notna().all(axis=None):
                top.fill_between(line["x"], line["low"], line["high"], color=color, alpha=0.15, lw=0)
            top.plot(line["x"], line["y"], color=color, lw=1.0)
            top.errorbar(
                rows["x"],
                rows["y"],
                yerr=rows["y_error"].fillna(0),
                ls="none",
                marker=marker,
                ms=3.5,
                color=color,
                mec="white",
                mew=0.4,
                elinewidth=0.7,
                label=name,
            )
            bottom.plot(
                rows["x"], rows["residual_percent"], ls="none", marker=marker, ms=3.5, color=color, mec="white", mew=0.4
            )
        top.set_ylim(bottom=min(0.0, float(data["y"].min())))
        top.set_xlim(left=0)
        top.set_ylabel(y_label)
        reach = max(float(data["residual_percent"].abs().max()), 1.0) * 1.2
        bottom.set_ylim(-reach, reach)
        bottom.set_ylabel("Residual (%)")
        bottom.set_xlabel(x_label)
        set_title(figure, title, subtitle)
        finish(figure, top.get_legend_handles_labels(), estimated)
    return figure


FIGURE = PageFigure("energy_model", "models", make)
