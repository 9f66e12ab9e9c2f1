"""The pictures of a report: which results go into which figure, under which title and caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis import figures
from analysis.errors import CannotAnswer
from analysis.figures.style import save
from analysis.findings.assessment import Assessment
from analysis.findings.decomposition import Step, decompose
from analysis.findings.energy_model.model import EnergyModel, Fit, spelled
from analysis.findings.energy_model.terms import design
from analysis.findings.part import Part, attempt
from analysis.findings.recommend import NOT_WORSE, find_baseline
from analysis.findings.slices import (
    LATENCY,
    Quantity,
    Slice,
    describe,
    energy_quantity,
    paper_slices,
    points,
    same_as,
    score_quantity,
    seed_points,
)
from analysis.rows.cards import card_factors
from analysis.words.rounding import format_percent, format_with_uncertainty
from search_spaces.axes import AXES, other_axes


@dataclass(frozen=True)
class Picture:
    """A saved figure (`png` and `svg` are null where `problem` says why there is none)."""

    name: str
    title: str
    caption: str
    png: Path | None = None
    svg: Path | None = None
    problem: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures by the section of the report they stand in."""

    saving: list[Picture]
    frontiers: list[Picture]
    models: list[Picture]
    card: list[Picture]
    notes: list[str]  # slices that the run does not hold, and why

    @property
    def pictures(self) -> list[Picture]:
        return [*self.saving, *self.frontiers, *self.models, *self.card]


def draw(assessment: Assessment, folder: Path, anchors: pd.DataFrame) -> Gallery:
    """Draw and save every figure of an assessment into `folder`; `anchors`: those of its cards, may be empty."""
    prefix = f"{assessment.slug}-" if assessment.slug else ""

    def picture(name: str, title: str, caption: str, make: Callable[[], object]) -> Picture:
        made: Part[tuple[Path, Path]] = attempt(
            f"The figure {name}",
            lambda: save(make(), folder, f"{prefix}{name}"),  # type: ignore[arg-type]
        )
        if made.value is None:
            return Picture(f"{prefix}{name}", title, caption, problem=made.problem)
        return Picture(f"{prefix}{name}", title, caption, *made.value)

    frontiers, notes = _frontiers(assessment, picture)
    models = _models(assessment, picture)
    card = [*_reference(assessment, picture), *_drift(assessment, anchors, picture)]
    return Gallery(_saving(assessment, picture), frontiers, models, card, notes)


MOST_MODELS = 6  # pictures of energy models, the groups with the most trials; energy_model.json has all
LINEAR_PERCENT = 10.0  # median leave-one-out error above which a title does not call energy linear

_Picture = Callable[[str, str, str, Callable[[], object]], Picture]


def baseline_of(assessment: Assessment) -> pd.Series:
    """The recommendation's baseline; by the same rule where there is no recommendation."""
    if assessment.recommendation.value is not None:
        return assessment.recommendation.value.baseline
    return assessment.table.loc[find_baseline(assessment.table)]


def cheapest_kept(part: pd.DataFrame, baseline: pd.Series, column: str) -> pd.Series | None:
    """The row with the lowest `column` of those not worse than the baseline and below it, or None."""
    if "verdict" not in part:
        return None
    kept = part[(part["verdict"] == NOT_WORSE) & (part[column] < baseline[column])]
    return None if kept.empty else kept.loc[kept[column].idxmin()]


def times(value: float) -> str:
    """ "14.9×": a ratio for a title; its interval is in the table."""
    return f"{format_with_uncertainty(value)}×"


def _frontiers(assessment: Assessment, picture: _Picture) -> tuple[list[Picture], list[str]]:
    table, baseline = assessment.table, baseline_of(assessment)
    energy = energy_quantity(table)
    slices, notes = paper_slices(table, baseline)
    if not slices:
        slices = [Slice("all", "The only configuration", (), table)]
    found = []
    score = score_quantity(table)
    if score is None:
        notes.append("Accuracy is null in every row, so nothing is plotted against it.")
    for part in slices:
        if score is None:
            break
        for x, short in ((energy, "energy"), (LATENCY, "latency")):
            found.append(_tradeoff(assessment, picture, part, x, score, short, baseline))
    found.append(_energy_latency(assessment, picture, energy, baseline))
    return found, notes


def _saving(assessment: Assessment, picture: _Picture) -> list[Picture]:
    """The waterfall from the baseline to the choice; none where there is no choice, or one axis makes it.

    Weights that were never trained keep no accuracy, so there the way ends at the cheapest configuration to which
    every step was measured.
    """
    found = assessment.recommendation.value
    baseline = baseline_of(assessment)
    untrained = score_quantity(assessment.table) is None
    if untrained:
        cheaper = assessment.table[assessment.table["energy_j_per_example"] < baseline["energy_j_per_example"]]
        ends = [row for _, row in cheaper.nsmallest(20, "energy_j_per_example").iterrows()]
    else:
        ends = [] if found is None or found.choice is None else [found.choice]
    for end in ends:
        steps = attempt("The parts of the saving", lambda end=end: decompose(assessment.table, baseline, end))  # type: ignore[misc]
        if steps.value is not None:
            return [_waterfall(assessment, picture, baseline, end, steps.value, untrained)]
    return []


def _waterfall(
    assessment: Assessment, picture: _Picture, baseline: pd.Series, end: pd.Series, steps: list[Step], untrained: bool
) -> Picture:
    energy = energy_quantity(assessment.table)
    total = baseline["energy_j_per_example"] / end["energy_j_per_example"]
    parts = ", ".join(f"{AXES[s.axis].word} {times(s.saving.value)}" for s in steps)
    title = f"{times(total)} less {'estimated ' if assessment.estimated else ''}energy: {parts}"
    ranges = ", ".join(
        f"{AXES[s.axis].word} {times(s.least)} to {times(s.most)}" for s in steps if s.most / s.least > 1.02
    )
    caption = "One thing switched at a time, from the top; every step is two measured configurations."
    if untrained:
        caption += " No accuracy is known; the end is the cheapest configuration to which every step was measured."
    if ranges:
        caption += f" What a step saves depends on the order; over all orders: {ranges}."
    frame = pd.DataFrame(
        {
            "label": [_switch(s) for s in steps],
            "before": [s.energy_before * energy.factor for s in steps],
            "after": [s.energy_after * energy.factor for s in steps],
            "note": [times(s.saving.value) for s in steps],
        }
    )

    def make() -> object:
        return figures.waterfall(
            frame,
            x_label=energy.label,
            title=title,
            subtitle=f"From {describe(baseline)}",
            estimated=assessment.estimated,
            ends_called=("baseline", "cheapest with all steps" if untrained else "recommended"),
        )

    return picture("saving", title, caption, make)


def _switch(step: Step) -> str:
    """ "fp32 → fp16", "128 → 64 tokens"."""
    return f"{step.before} → {step.after} {AXES[step.axis].unit}".rstrip()


def _all(table: pd.DataFrame) -> str:
    return f"All {len(table)} configurations" if len(table) > 1 else "The only configuration"


def _tradeoff(
    assessment: Assessment,
    picture: _Picture,
    part: Slice,
    x: Quantity,
    score: Quantity,
    short: str,
    baseline: pd.Series,
) -> Picture:
    kept = cheapest_kept(part.table, baseline, x.column)
    word = "energy" if short == "energy" else "time"
    name = score.column.replace("_", " ")
    kind = "est. " if assessment.estimated and short == "energy" else ""
    if kept is None:
        title = f"Nothing {'cheaper' if short == 'energy' else 'faster'} is known to keep {name}"
        if "verdict" not in part.table or len(part.table) < 2:
            title = f"{name[0].upper()}{name[1:]} against {kind}{short}"
    else:
        saved = times(float(baseline[x.column]) / float(kept[x.column]))
        words = describe(kept, part.axes or AXES, short=len(part.axes) > 2)
        title = f"{words}: {saved} less {kind}{word}, {name} kept"
    band = None
    if pd.notna(baseline[score.column]):
        tolerance = 100 * assessment.tolerance
        level = 100 * float(baseline[score.column]) - tolerance
        band = (level, f"−{tolerance:g} point" + ("" if tolerance == 1 else "s"))

    def make() -> object:
        frame = points(part.table, x, score, part.axes, baseline, kept)
        return figures.tradeoff(
            frame,
            x_label=x.label,
            y_label=score.label,
            title=title,
            subtitle=part.title,
            band=band,
            kept_note="cheapest kept" if short == "energy" else "fastest kept",
            faint=seed_points(assessment.clean, part.table, x, score),
            estimated=assessment.estimated,
        )

    return picture(f"accuracy_{short}_{part.name}", f"{part.title}: {title}", "", make)


def _energy_latency(assessment: Assessment, picture: _Picture, energy: Quantity, baseline: pd.Series) -> Picture:
    choice = assessment.recommendation.value.choice if assessment.recommendation.value else None
    title = f"{'Estimated energy' if assessment.estimated else 'Energy'} {_power_words(assessment.table)}"
    caption = "Lower left is better in both."
    if assessment.estimated:
        caption += " Energy is estimated as watts × busy time, so the two are one quantity here."

    def make() -> object:
        varying = [a for a in AXES if len(set(assessment.table[a])) > 1]
        frame = points(assessment.table, energy, LATENCY, varying or ("precision",), baseline, choice)
        return figures.tradeoff(
            frame,
            x_label=energy.label,
            y_label=LATENCY.label,
            title=title,
            subtitle=_all(assessment.table),
            y_better="min",
            faint=seed_points(assessment.clean, assessment.table, energy, LATENCY),
            estimated=assessment.estimated,
        )

    return picture("energy_latency", title, caption, make)


def _power_words(table: pd.DataFrame) -> str:
    """ "is latency × 380 to 640 W": what the configurations draw on average."""
    power = table["energy_j_per_example"] / table["latency_ms_per_example"] * 1e3
    if power.isna().all():
        return "against latency"
    low, high = (f"{value:.{2 if value < 100 else 3}g}" for value in (power.min(), power.max()))
    return f"is latency × {low} W" if low == high else f"is latency × {low} to {high} W"


def _models(assessment: Assessment, picture: _Picture) -> list[Picture]:
    found: list[Picture] = []
    for index, (common, part) in enumerate(assessment.models):
        if len(found) == MOST_MODELS:
            break
        model = part.value
        if model is None:
            continue
        fits = model.depth_fits or model.length_fits
        if not fits:
            continue
        by_depth = fits[0].kind == "depth_length"
        errors = [f.loo_median_percent for f in fits if f.loo_median_percent is not None]
        what = "layers and tokens" if by_depth else "tokens"
        title = f"Energy against {what}"
        if any(f.coefficient("b").value <= 0 for f in fits):
            title = f"Energy does not grow with {what}"
        elif errors and max(errors) <= LINEAR_PERCENT:
            title = f"Energy is linear in {what} to {format_percent(max(errors))} (median)"
        elif errors:
            title = f"A line in {what} misses energy by {format_percent(max(errors))} (median)"
        caption = "; ".join(f"{f.precision}: {spelled(f.formula)}" for f in fits) + ". Shaded: 95 % of the fitted line."
        if any(len(f.coefficients) > 2 for f in fits):
            caption += " With the attention term, the line is drawn at the full depth."
        group = describe(pd.Series(common), other_axes()) if len(assessment.models) > 1 else ""
        of = "example" if fits[0].one_input else "model input"
        x_label = f"Layers × tokens processed per {of}" if by_depth else f"Tokens processed per {of}"
        found.append(
            picture(
                f"energy_model{f'_{index + 1}' if len(assessment.models) > 1 else ''}",
                title,
                caption,
                lambda fits=fits, model=model, x_label=x_label, title=title, group=group: _model_figure(  # type: ignore[misc]
                    assessment, fits, model, x_label, title, group
                ),
            )
        )
    return found


def _model_figure(
    assessment: Assessment, fits: list[Fit], model: EnergyModel, x_label: str, title: str, group: str
) -> object:
    energy = energy_quantity(assessment.table)
    errors = {
        (m["precision"], m["max_seq_len"], m["depth"]): m.get("energy_j_per_example_ci95") for m in model.measured
    }
    points, lines = [], []
    for fit in fits:
        for r in fit.residuals:
            inputs = r["inputs_per_example"]
            work = r["tokens_per_example"] / inputs * (r["depth"] if fit.kind == "depth_length" else 1)
            error = errors.get((fit.precision, r["max_seq_len"], r["depth"]))
            points.append(
                {
                    "x": work,
                    "y": r["energy_j_per_example"] * energy.factor / inputs,
                    "y_error": np.nan if error is None else error * energy.factor / inputs,
                    "residual_percent": r["residual_percent"],
                    "series": fit.precision,
                }
            )
        lines.append(_line(fit, energy.factor))
    return figures.energy_model(
        pd.DataFrame(points),
        pd.concat(lines, ignore_index=True),
        x_label=x_label,
        y_label=(energy.label if fits[0].one_input else energy.label.replace("/example", "/input")).replace(
            " (", "\n("
        ),
        title=title,
        subtitle=group or "Points: one per configuration; lines: fitted",
        estimated=assessment.estimated,
    )


def _line(fit: Fit, factor: float) -> pd.DataFrame:
    """The fitted line of one input over the measured range with the 95 % band of its mean, null where it is
    unknown."""
    depth = fit.depth_range[1] if fit.kind == "depth_length" else 1
    least = fit.depth_range[0] / depth if fit.kind == "depth_length" else 1.0
    shortest, longest = fit.tokens_per_input_range
    tokens = np.linspace(shortest * least, longest, 60)
    x = design(fit.terms, np.ones_like(tokens), np.full_like(tokens, depth), tokens)
    mean = x @ np.array([c.value for c in fit.coefficients])
    covariance = np.array(fit.covariance, dtype=float)
    half = stdtrit(fit.freedom, 0.975) * np.sqrt(np.einsum("ij,jk,ik->i", x, covariance, x))
    return pd.DataFrame(
        {
            "x": depth * tokens,
            "y": mean * factor,
            "low": (mean - half) * factor,
            "high": (mean + half) * factor,
            "series": fit.precision,
        }
    )


def _reference(assessment: Assessment, picture: _Picture) -> list[Picture]:
    table = assessment.table
    if assessment.estimated or table["matmul_reference_j_per_example"].isna().all():
        return []
    baseline = baseline_of(assessment)
    ratio = table["energy_j_per_example"] / table["matmul_reference_j_per_example"]
    others = [a for a in AXES if a not in ("max_seq_len", "precision")]
    # At one limit alone, padding decides how many tokens are processed.
    x, x_label = ("max_seq_len", AXES["max_seq_len"].label)
    if len(set(table["max_seq_len"])) == 1 and table["tokens_per_example"].notna().all():
        x, x_label = ("tokens_per_example", "Tokens processed per example")
    frame = pd.DataFrame(
        {
            "x": table[x].astype(float),
            "ratio": ratio.astype(float),
            "series": table["precision"].astype(str),
            "main": table.index.isin(same_as(table, baseline, others).index),
        }
    )
    title = "Measured energy over the matmul reference"
    finite = frame["ratio"].dropna()
    if len(finite):
        title = f"Energy is {times(finite.min())} to {times(finite.max())} the matmul reference"
    told = [a for a in others if a == "depth" or len(set(table[a])) > 1]
    subtitle = f"Lines: {describe(baseline, told)}; hollow: others"
    caption = (
        "The reference: joules per FLOP of a large matmul on the same card, times the FLOP of the real "
        "tokens. "
        "A reference, not a bound: it moves with clocks, power capping and operands."
    )

    def make() -> object:
        return figures.reference(frame, x_label=x_label, title=title, subtitle=subtitle)

    return [picture("matmul_reference", title, caption, make)]


def _drift(assessment: Assessment, anchors: pd.DataFrame, picture: _Picture) -> list[Picture]:
    if anchors.empty:
        return []
    title = "Anchor drift"
    caption = "The same load measured again and again through the run, against its card's median."
    factors = card_factors(anchors)
    if len(factors):
        title = f"Anchors stay within {format_percent(100 * factors['drift'].max())} of their card's median"

    def make() -> object:
        missing = [c for c in ("started_at", "gpu_uuid", "energy_j_per_example") if c not in anchors]
        if missing:
            raise CannotAnswer(f"anchors.csv lacks the column {' and '.join(missing)}.")
        return figures.drift(
            anchors, title=title, subtitle="One fixed load, measured through the run", estimated=assessment.estimated
        )

    return [picture("anchor_drift", title, caption, make)]
