"""An energy model in words: what each line says, whether one factor holds, and what is odd."""

from __future__ import annotations

from analysis.findings.energy_model.fit import Coefficient, Fit
from analysis.findings.energy_model.model import EnergyModel
from analysis.findings.energy_model.precision_factor import Pair, PrecisionFactor
from analysis.findings.energy_model.rising import Rise
from analysis.findings.energy_model.uncut import Uncut
from analysis.words import short_windows
from analysis.words.rounding import count_of, format_percent, points_word
from search_spaces.axes import AXES

MOST_RISES = 3
MOST_BROKEN = 6


def sentences(model: EnergyModel) -> list[str]:
    """The fits, the factors between precisions, what is odd, and what could not be made."""
    fits = [fit_sentence(fit) for fit in model.fits]
    return [*fits, *factor_sentences(model), *warnings(model), *model.not_made]


def factor_sentences(model: EnergyModel) -> list[str]:
    """A sentence for each factor, and one for all that cannot be told."""
    told = [f for f in model.precision_factors if f.worst is not None]
    untold = [f"{f.slow} and {f.fast}" for f in model.precision_factors if f.worst is None]
    out = [factor_sentence(f) for f in told]
    if untold:
        between = f"{', '.join(untold[:-1])}, or {untold[-1]}" if len(untold) > 1 else untold[0]
        out.append(
            f"Whether one factor lies between {between} cannot be told: it takes two pairs of configurations "
            f"{regime_words(model.precision_factors[0])}."
        )
    return out


def not_made_sentence(model: EnergyModel) -> str:
    """Which lines there are none of, in one sentence; "" where none lacks. energy_model.json has each reason."""
    precisions = [str(p) for p in model.measured["precision"].unique()]
    without = {
        what: [p for p in precisions if p not in {f.precision for f in fits}]
        for what, fits in (("length", model.length_fits), ("depth and length", model.depth_fits))
    }
    parts = [(what, which) for what, which in without.items() if which]
    if not parts:
        return ""
    if len({tuple(which) for _, which in parts}) == 1:
        where = f"{', or '.join(f'over {what}' for what, _ in parts)}, at {', '.join(parts[0][1])}"
    else:
        where = ", or ".join(f"over {what} at {', '.join(which)}" for what, which in parts)
    return f"No line could be fitted {where}: too few lengths or depths were measured there."


def warnings(model: EnergyModel) -> list[str]:
    """Of the lines and of the rows, a sentence each."""
    cut = [] if model.uncut is None else [uncut_sentence(model.uncut)]
    short = short_windows.sentences(model.short_windows)
    return [*cut, *short, *(text for fit in model.fits for text in fit_warnings(fit)), *rise_sentences(model)]


def spelled(formula: str) -> str:
    """A formula as it is printed: "b * depth * tokens^2" -> "b·depth·tokens²"."""
    return formula.replace(" * ", "·").replace("^2", "²")


# ---- the lines ----


def law(fit: Fit) -> str:
    """ "E = a + b * tokens, at depth 12"."""
    how = ", by ordinary least squares" if fit.ordinary else ""
    return (fit.formula if fit.by_depth else f"{fit.formula}, at depth {fit.depth_range[0]}") + how


def meaning(coefficient: Coefficient, fit: Fit) -> str:
    """What a coefficient is paid for."""
    per = "example" if fit.one_input else "model input"
    return {
        "a": f"per {per}, whatever its length{' and depth' if fit.by_depth else ''}",
        "b": f"per processed token{' and layer' if fit.by_depth else ''}",
        "c": "attention: per pair of tokens and layer",
    }[coefficient.name]


def attention_reason(fit: Fit) -> str:
    """Why the term in tokens^2 is in the line or not; "" of a fit that cannot have it."""
    if fit.attention is None:
        return ""
    if not fit.attention.tried:
        return "needs three lengths and five configurations"
    return f"leave-one-out error {'falls' if fit.attention.kept else 'does not fall'} clearly"


def fit_sentence(fit: Fit) -> str:
    """The line, its slope, and how well it predicts."""
    slope = fit.coefficient("b")
    limits = "" if slope.low is None else f" (95 % {slope.low:.3g} to {slope.high:.3g})"
    r2 = "" if fit.r2 is None else f", R^2 {fit.r2:.3f}"
    quality = "how well it predicts cannot be told"
    if fit.loo_median_percent is not None and fit.loo_max_percent is not None:
        quality = (
            f"an unseen configuration is predicted to {format_percent(fit.loo_median_percent)} (median; "
            f"{format_percent(fit.loo_max_percent)} at worst)"
        )
    return f"At {fit.precision}, {law(fit)}: b = {slope.value:.3g} {slope.unit}{limits}{r2}; {quality}."


def fit_warnings(fit: Fit) -> list[str]:
    """Where a coefficient is not what energy that grows with work would give."""
    slope = fit.coefficient("b")
    work = "per token and layer" if fit.by_depth else "per token"
    out = []
    if slope.value <= 0:
        out.append(
            f"At {fit.precision} the fitted energy {work} is not above zero ({slope.value:.3g} {slope.unit}): energy "
            "does not grow with work there, so something else (launches, idle power, drift) was measured."
        )
    elif slope.low is not None and slope.low <= 0:
        out.append(
            f"At {fit.precision} the interval of the energy {work} includes zero: growth with work is not shown."
        )
    if "c" in fit.terms and fit.coefficient("c").value < 0:
        out.append(
            f"At {fit.precision} the term in tokens^2 is negative: it is not attention but energy that flattens, as "
            "where launches or the host, not the card, set the pace."
        )
    return out


# ---- precision ----


def factor_sentence(factor: PrecisionFactor) -> str:
    """Whether one factor lies between two precisions, and where it breaks."""
    claim = f"One factor between {factor.slow} and {factor.fast} (energy multiplicative in precision)"
    worst = factor.worst
    if worst is None or factor.factor is None or factor.deviation_percent is None:
        return (
            f"{claim}: cannot tell, since it takes two pairs of configurations in the stable regime and "
            f"{len(factor.stable)} of {len(factor.pairs)} measured are known to lie in it ({regime(factor)})."
        )
    high = factor.deviation_high_percent
    bound = ", no interval" if high is None else f", at most {format_percent(high)}"
    text = (
        f"{claim}: {factor.verdict} within {factor.limit_percent:g} %. {factor.factor:.3g}x fits {len(factor.stable)} "
        f"pairs to {format_percent(factor.deviation_percent)} ({worst.max_seq_len} tokens, depth {worst.depth}{bound}) "
        f"{regime(factor)}."
    )
    if not factor.broken:
        return text
    several = len({p.depth for p in factor.pairs}) > 1
    places = ", ".join(_place(p, several) for p in factor.broken[:MOST_BROKEN])
    more = f" and {len(factor.broken) - MOST_BROKEN} more" if len(factor.broken) > MOST_BROKEN else ""
    return f"{text} It breaks at {places}{more}."


def regime_words(factor: PrecisionFactor) -> str:
    """Where the pairs must lie, to stand behind them."""
    return "that differ in precision alone" if factor.tolerance is None else regime(factor)


def regime(factor: PrecisionFactor) -> str:
    """Which pairs are stable."""
    if factor.tolerance is None:
        return "everything measured (accuracy is unknown)"
    return f"where accuracy is not worse by more than {points_word(factor.tolerance)}"


def _place(pair: Pair, with_depth: bool) -> str:
    depth = f" x {count_of(pair.depth, 'layers')}" if with_depth else ""
    return f"{pair.max_seq_len} tokens{depth} ({pair.ratio:.2g}x)"


# ---- oddities ----


def uncut_sentence(found: Uncut) -> str:
    """Depth that moves nothing is depth that was not taken away."""
    names = {"mean_power_w": "power", "peak_gpu_memory_mib": "memory"}
    known = ["energy", "latency", *(names[c] for c in found.columns if c in names)]
    listed = f"{', '.join(known[:-1])} and {known[-1]}"
    return (
        f"{listed[0].upper()}{listed[1:]} are the same from {count_of(found.shallowest, 'layers')} to {found.deepest}: "
        "the model that was timed was probably not cut."
    )


def rise_sentences(model: EnergyModel) -> list[str]:
    """Where energy rises although work falls: the worst, and how many more."""
    out = [_rise(rise) for rise in model.rises[:MOST_RISES]]
    rest = len(model.rises) - MOST_RISES
    return [*out, f"Energy rises as work falls at {rest} more neighbouring configurations."] if rest > 0 else out


def _rise(rise: Rise) -> str:
    amount = AXES[rise.axis].spell(rise.less)
    place = ", ".join([rise.precision, *(AXES[axis].spell(value) for axis, value in rise.fixed.items())])
    if rise.inputs_less > rise.inputs_more:  # less work per input, and more inputs: no oddity
        place += f"; {rise.inputs_less:.3g} model inputs per example against {rise.inputs_more:.3g}"
    return (
        f"Energy rises as work falls: {amount} {'costs' if rise.less == 1 else 'cost'} "
        f"{format_percent(100 * (rise.ratio - 1))} more than {rise.more} ({place})."
    )
