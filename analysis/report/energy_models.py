"""Fitted energy models as a page shows them: sentences, and a table of their terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.findings.energy_model.fit import Fit
from analysis.findings.energy_model.model import EnergyModel
from analysis.findings.part import Part
from analysis.findings.slices import group_axes
from analysis.report.cells import Table, text_table
from analysis.words.energy_model import factor_sentences, fit_sentence, law, not_made_sentence, spelled, warnings
from analysis.words.rounding import MISSING, format_percent, format_with_uncertainty
from search_spaces.axes import AXES

MOST_NAMED = 6  # groups that gave nothing


@dataclass(frozen=True)
class ModelPart:
    """The model of one group of comparable rows, or why there is none."""

    common: str  # what its rows have in common
    model: str = ""  # of the encoder, where there are several
    problem: str = ""
    sentences: list[str] = field(default_factory=list)
    fits: list[str] = field(default_factory=list)  # a sentence each
    not_made: list[str] = field(default_factory=list)
    table: Table | None = None


def model_parts(models: Sequence[tuple[Mapping[str, Any], Part[EnergyModel]]]) -> list[ModelPart]:
    """The models, largest group first, and one sentence for all groups that gave none."""
    told = group_axes([common for common, _ in models])
    made = [model_part(common, part, told) for common, part in models]
    empty = [m for m in made if m.problem]
    if len(empty) < 2:
        return made
    differ = [m.common for m in empty if m.common]
    groups = f"{len(empty)} {'other ' if len(empty) < len(made) else ''}groups of configurations"
    text = f"Nothing could be fitted to {groups}: each holds too few lengths, depths and precisions"
    listed = f" ({'; '.join(differ)})" if 0 < len(differ) <= MOST_NAMED else ""
    return [*(m for m in made if not m.problem), ModelPart("the others", problem=f"{text}{listed}.")]


def model_part(common: Mapping[str, Any], part: Part[EnergyModel], told: Sequence[str]) -> ModelPart:
    """`told`: the axes that say which group it is."""
    words = ", ".join(f"{AXES[name].word} {AXES[name].short(common[name])}" for name in told if common.get(name))
    model = part.value
    encoder = str(AXES["model"].short(common["model"])) if "model" in told else ""
    if model is None:
        return ModelPart(words, encoder, part.problem)
    rows = [row for fit in model.fits for row in _terms(fit)]
    sentences = [spelled(s) for s in (*factor_sentences(model), *warnings(model))]
    not_made = list(filter(None, [not_made_sentence(model)]))
    if not (rows or warnings(model) or any(factor.worst is not None for factor in model.precision_factors)):
        return ModelPart(words, encoder, " ".join(sentences + not_made))
    return ModelPart(
        common=words,
        model=encoder,
        sentences=sentences,
        fits=[spelled(fit_sentence(fit)) for fit in model.fits],
        not_made=not_made,
        table=text_table(rows) if rows else None,
    )


def _terms(fit: Fit) -> list[dict[str, str]]:
    rows = []
    for c in fit.coefficients:
        half = None if c.low is None or c.high is None else (c.high - c.low) / 2
        factor, unit = _si(max(abs(c.value), half or 0.0), c.unit)
        rows.append(
            {
                "Precision": fit.precision,
                "Model": spelled(law(fit)),
                "Term": c.name,
                "Value (95 %)": format_with_uncertainty(c.value * factor, None if half is None else half * factor),
                "Unit": unit,
                "R²": MISSING if fit.r2 is None else f"{fit.r2:.4f}",
                "Leave-one-out error": MISSING
                if fit.loo_median_percent is None
                else format_percent(fit.loo_median_percent),
                "Points": str(fit.configurations),
            }
        )
    return rows


def _si(size: float, unit: str) -> tuple[float, str]:
    """The factor and the unit in which `size` is at least 1: 3.2e-5, "J per token" -> 1e6, "µJ per token"."""
    for factor, prefix in ((1.0, ""), (1e3, "m"), (1e6, "µ"), (1e9, "n")):
        if abs(size) * factor >= 1 or prefix == "n":
            break
    return factor, spelled(unit.replace("J", f"{prefix}J", 1))
