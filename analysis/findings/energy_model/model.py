"""Linear models of the energy of one example: a + b x tokens, a + b x depth x tokens, and a factor per
precision."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import CannotAnswer
from analysis.files import write_text
from analysis.findings.configurations import comparable_columns, configurations, valid
from analysis.findings.energy_model.terms import design, formula, inputs_of
from analysis.findings.noninferiority import judge
from analysis.findings.verdict import CANNOT_TELL, NOT_WORSE
from analysis.statistics.intervals import NONE, ratios
from analysis.statistics.least_squares import Fitted, relative_least_squares, wants_more
from analysis.words.rounding import count_of, format_percent, points_word
from search_spaces.axes import AXES
from search_spaces.objectives import TOLERANCE
from search_spaces.precisions import PRECISIONS

DEFAULT_EQUIVALENCE = 0.10
MOST_WARNINGS = 3
_PLURALS = {name: axis.plural for name, axis in AXES.items()} | {
    "task": "tasks",
    "model": "models",
    "gpu_name": "cards",
    "gpu_uuid": "cards",
    "energy_source": "energy sources",
    "sweep": "sweeps",
}


@dataclass(frozen=True)
class Coefficient:
    name: str  # a, b, c
    value: float
    low: float | None  # robust (HC3) 95 % limits
    high: float | None
    unit: str
    meaning: str


@dataclass(frozen=True)
class Fit:
    """One fitted line for one precision. Residuals and errors are in percent of the measured energy."""

    kind: str  # "length" or "depth_length"
    precision: str
    formula: str
    coefficients: list[Coefficient]
    covariance: list[list[float | None]]
    configurations: int
    trials: int
    freedom: int
    relative_sd: float
    r2: float | None
    loo_median_percent: float | None
    loo_rms_percent: float | None
    loo_max_percent: float | None
    residuals: list[dict[str, Any]]
    tokens_per_input_range: tuple[float, float]
    depth_range: tuple[int, int]
    attention: dict[str, Any] | None = None  # cross-validation of the c x depth x tokens^2 term
    warnings: list[str] = field(default_factory=list)
    verdict: str = ""

    def coefficient(self, name: str) -> Coefficient:
        return next(c for c in self.coefficients if c.name == name)

    @property
    def terms(self) -> list[str]:
        return [c.name for c in self.coefficients]

    @property
    def one_input(self) -> bool:
        """Every example is one model input."""
        return all(abs(r["inputs_per_example"] - 1) < 1e-9 for r in self.residuals)


@dataclass(frozen=True)
class PrecisionFactor:
    """ "Energy is multiplicative in precision" for one pair, as an equivalence test over lengths and
    depths."""

    slow: str
    fast: str
    factor: float | None  # geometric mean of slow / fast inside the regime
    deviation_percent: float | None  # largest departure of one ratio from the factor inside the regime
    deviation_low_percent: float | None  # its 95 % limits
    deviation_high_percent: float | None
    limit_percent: float
    interval_kind: str
    verdict: str  # holds, does not hold, cannot tell
    sentence: str
    regime: str
    pairs: list[dict[str, Any]]  # max_seq_len, depth, ratio, low, high, deviation_percent, stable, breaks


@dataclass(frozen=True)
class EnergyModel:
    """All fits of comparable rows; `not_made` says which part could not be made, and why."""

    common: dict[str, Any]
    estimated: bool
    length_fits: list[Fit]
    depth_fits: list[Fit]
    precision_factors: list[PrecisionFactor]
    tokens_by_max_seq_len: list[tuple[int, float]]
    inputs_by_max_seq_len: list[tuple[int, float]]
    measured: list[dict[str, Any]]  # max_seq_len, depth, precision, energy_j_per_example
    warnings: list[str]
    not_made: list[str]

    @property
    def sentences(self) -> list[str]:
        fits = [f.verdict for f in (*self.depth_fits, *self.length_fits)]
        return [*fits, *(p.sentence for p in self.precision_factors), *self.warnings, *self.not_made]

    def fit_for(self, precision: str, kind: str | None = None) -> Fit | None:
        """The fit of a precision: by depth and length where there is one, else by length."""
        fits = [f for f in (*self.depth_fits, *self.length_fits) if f.precision == precision]
        return next((f for f in fits if kind in (None, f.kind)), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; null, never NaN."""
        found: dict[str, Any] = _plain(asdict(self) | {"sentences": self.sentences})
        return found

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)


def fit_energy(
    rows: pd.DataFrame,
    *,
    baseline: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
    equivalence: float = DEFAULT_EQUIVALENCE,
) -> EnergyModel:
    """Fit the valid trials among `rows` (J per example against processed tokens per example).

    Per precision: E = a + b * tokens at full depth; E = a + b * depth * tokens (+ c * depth * tokens^2
    where leave-one-out wants it). One point per configuration, the mean of its trials; leaving one out leaves a
    whole configuration out. Then the factor between precisions, an equivalence test with limit `equivalence`
    inside the stable regime, where accuracy is not worse than the baseline's by more than `tolerance`.

    Raises CannotAnswer when rows differ in what one fit must share (task, model, batch size, padding,
    backend, card, energy source, sweep), or when nothing at all can be fitted.
    """
    clean, excluded = valid(rows)
    if clean.empty:
        why = "; ".join(excluded["reason"].value_counts().head(3).index) or "there are no rows"
        raise CannotAnswer(f"No energy model: no trial has a valid energy ({why}).")
    common = _one_of_each(clean)
    table = configurations(_with_tokens(clean))
    not_made: list[str] = []
    length_fits: list[Fit] = []
    depth_fits: list[Fit] = []
    for precision in sorted(table["precision"].unique(), key=_rank):
        part = table[table["precision"] == precision]
        deepest = part[part["depth"] == part["depth"].max()]
        for make, part_of, fits in ((_length_fit, deepest, length_fits), (_depth_fit, part, depth_fits)):
            try:
                fits.append(make(part_of, precision))
            except CannotAnswer as reason:
                not_made.append(str(reason))
    try:
        factors = _precision_factors(clean, table, baseline, tolerance, equivalence)
    except CannotAnswer as reason:
        factors = []
        not_made.append(str(reason))
    if not (length_fits or depth_fits or factors):
        raise CannotAnswer(" ".join(not_made))
    names = ["max_seq_len", "depth", "precision", "energy_j_per_example", "energy_j_per_example_ci95", "interval_kind"]
    return EnergyModel(
        common=common,
        estimated=bool(table["estimated"].any()),
        length_fits=length_fits,
        depth_fits=depth_fits,
        precision_factors=factors,
        tokens_by_max_seq_len=_by_limit(table, table["tokens_per_example"]),
        inputs_by_max_seq_len=_by_limit(table, pd.Series(inputs_of(table), table.index)),
        measured=[{str(k): v for k, v in r.items()} for r in table[names].to_dict("records")],
        warnings=[*(w for f in (*depth_fits, *length_fits) for w in f.warnings), *_rising(table)],
        not_made=not_made,
    )


def _by_limit(table: pd.DataFrame, values: pd.Series) -> list[tuple[int, float]]:
    """(max_seq_len, mean) in the order of the limits."""
    means = values.groupby(table["max_seq_len"]).mean().sort_index()
    return [(int(limit), float(mean)) for limit, mean in zip(means.index, means, strict=True)]


# ---- what one fit may take ----


def _one_of_each(clean: pd.DataFrame) -> dict[str, Any]:
    common = {}
    for column in comparable_columns(clean):
        values = list(clean[column].unique())
        if len(values) > 1:
            listed = ", ".join("unknown" if pd.isna(v) else str(v) for v in values[:4])
            raise CannotAnswer(
                f"No energy model over several {_PLURALS[column]} ({listed}): one fit takes one; choose rows, "
                f"for instance with analysis.comparable_groups(rows)."
            )
        common[column] = None if pd.isna(values[0]) else values[0]
    return common


def _with_tokens(clean: pd.DataFrame) -> pd.DataFrame:
    """Processed tokens where a foreign table lacks them: inputs padded to the limit process the limit."""
    unknown = clean["tokens_per_example"].isna()
    if not unknown.any():
        return clean
    padded = clean["padding"].isna() | (clean["padding"] == "max_length")
    if (unknown & ~padded).any():
        raise CannotAnswer(
            "No energy model: tokens_per_example is null and the inputs are not padded to max_seq_len, so "
            "the tokens "
            "processed are unknown; give the column."
        )
    return clean.assign(tokens_per_example=clean["tokens_per_example"].fillna(clean["max_seq_len"].astype(float)))


# ---- the lines ----


def _length_fit(points: pd.DataFrame, precision: str) -> Fit:
    terms, what = ["a", "b"], f"Energy against length at {precision}"
    inputs, tokens = inputs_of(points), points["tokens_per_example"].to_numpy(dtype=float)
    result = _solve(design(terms, inputs, np.ones_like(tokens), tokens), points, terms, what, "lengths")
    per = _per_input(inputs)
    units = {"a": ("J", f"per {per}, whatever its length"), "b": ("J per token", "per processed token")}
    law = formula(terms, by_depth=False, one_input=per == "example")
    depth = int(points["depth"].iloc[0])
    return _fit("length", precision, f"{law}, at depth {depth}", terms, units, result, points, None)


def _depth_fit(points: pd.DataFrame, precision: str) -> Fit:
    terms, what = ["a", "b"], f"Energy against depth and length at {precision}"
    inputs = inputs_of(points)
    tokens, depth = (points[c].to_numpy(dtype=float) for c in ("tokens_per_example", "depth"))
    if points["depth"].nunique() < 2:
        raise CannotAnswer(f"{what} cannot be fitted: only depth {int(depth[0])} was measured; measure others.")
    result = _solve(design(terms, inputs, depth, tokens), points, terms, what, "configurations")
    per = _per_input(inputs)
    units = {
        "a": ("J", f"per {per}, whatever its length and depth"),
        "b": ("J per token-layer", "per processed token and layer"),
        "c": ("J per token^2-layer", "attention: per pair of tokens and layer"),
    }
    attention: dict[str, Any]
    richer = design(["a", "b", "c"], inputs, depth, tokens)
    if points["tokens_per_example"].nunique() < 3 or len(points) < 5 or np.linalg.matrix_rank(_scaled(richer)) < 3:
        attention = {"kept": False, "reason": "needs three lengths and five configurations"}
    else:
        more = relative_least_squares(richer, _energy(points))
        kept, simple_rms, richer_rms = wants_more(result.loo, more.loo, _energy(points))
        attention = {
            "kept": kept,
            "loo_rms_percent_without": 100 * simple_rms,
            "loo_rms_percent_with": 100 * richer_rms,
            "reason": "leave-one-out error falls clearly" if kept else "leave-one-out error does not fall clearly",
        }
        if kept:
            result, terms = more, ["a", "b", "c"]
    law = formula(terms, by_depth=True, one_input=per == "example")
    return _fit("depth_length", precision, law, terms, units, result, points, attention)


def _per_input(inputs: np.ndarray) -> str:
    """What the term without tokens is paid for."""
    return "example" if np.allclose(inputs, 1.0) else "model input"


def _energy(points: pd.DataFrame) -> np.ndarray:
    return points["energy_j_per_example"].to_numpy(dtype=float)


def _scaled(x: np.ndarray) -> np.ndarray:
    return x / np.abs(x).max(axis=0)


def _solve(x: np.ndarray, points: pd.DataFrame, terms: list[str], what: str, of: str) -> Fitted:
    n, p = x.shape
    if n <= p:
        raise CannotAnswer(
            f"{what} cannot be fitted: {n} {of if n != 1 else of.removesuffix('s')} for {p} coefficients; "
            f"at least {p + 1} are needed."
        )
    if np.linalg.matrix_rank(_scaled(x)) < p:
        raise CannotAnswer(f"{what} cannot be fitted: the {of} do not differ; measure others.")
    return relative_least_squares(x, _energy(points))


def _fit(
    kind: str,
    precision: str,
    formula: str,
    terms: list[str],
    units: Mapping[str, tuple[str, str]],
    result: Fitted,
    points: pd.DataFrame,
    attention: dict[str, Any] | None,
) -> Fit:
    energy = _energy(points)
    coefficients = [
        Coefficient(name, float(v), _number(lo), _number(hi), *units[name])
        for name, v, lo, hi in zip(terms, result.coefficients, result.low, result.high, strict=True)
    ]
    loo = 100 * (result.loo / energy - 1)
    known = np.abs(loo[np.isfinite(loo)])
    residuals = [
        {
            "configuration": label,
            "max_seq_len": int(length),
            "depth": int(depth),
            "tokens_per_example": float(tokens),
            "inputs_per_example": float(inputs),
            "energy_j_per_example": float(e),
            "fitted_j_per_example": float(f),
            "residual_percent": float(100 * (e / f - 1)) if f else None,
            "loo_percent": _number(out),
        }
        for label, length, depth, tokens, inputs, e, f, out in zip(
            points["configuration"],
            points["max_seq_len"],
            points["depth"],
            points["tokens_per_example"],
            inputs_of(points),
            energy,
            result.fitted,
            loo,
            strict=True,
        )
    ]
    tokens = points["tokens_per_example"] / inputs_of(points)
    fit = Fit(
        kind=kind,
        precision=precision,
        formula=formula,
        coefficients=coefficients,
        covariance=[[_number(v) for v in row] for row in result.covariance],
        configurations=len(points),
        trials=int(points["n_trials"].sum()),
        freedom=result.freedom,
        relative_sd=result.relative_sd,
        r2=_number(result.r2),
        loo_median_percent=float(np.median(known)) if len(known) else None,
        loo_rms_percent=float(np.sqrt((known**2).mean())) if len(known) else None,
        loo_max_percent=float(known.max()) if len(known) else None,
        residuals=residuals,
        tokens_per_input_range=(float(tokens.min()), float(tokens.max())),
        depth_range=(int(points["depth"].min()), int(points["depth"].max())),
        attention=attention,
    )
    fit.warnings.extend(_warnings(fit))
    object.__setattr__(fit, "verdict", _verdict(fit))
    return fit


def _warnings(fit: Fit) -> list[str]:
    slope = fit.coefficient("b")
    work = "per token" if fit.kind == "length" else "per token and layer"
    out = []
    if slope.value <= 0:
        out.append(
            f"At {fit.precision} the fitted energy {work} is not above zero ({slope.value:.3g} "
            f"{slope.unit}): energy does "
            f"not grow with work there, so something else (launches, idle power, drift) was measured."
        )
    elif slope.low is not None and slope.low <= 0:
        out.append(
            f"At {fit.precision} the interval of the energy {work} includes zero: growth with work is not shown."
        )
    bend = next((c for c in fit.coefficients if c.name == "c"), None)
    if bend is not None and bend.value < 0:
        out.append(
            f"At {fit.precision} the term in tokens^2 is negative: it is not attention but energy that "
            f"flattens, as where launches or the host, not the card, set the pace."
        )
    return out


def _verdict(fit: Fit) -> str:
    slope = fit.coefficient("b")
    limits = "" if slope.low is None else f" (95 % {slope.low:.3g} to {slope.high:.3g})"
    if fit.loo_median_percent is None or fit.loo_max_percent is None:
        quality = "how well it predicts cannot be told"
    else:
        quality = (
            f"an unseen configuration is predicted to {format_percent(fit.loo_median_percent)} (median; "
            f"{format_percent(fit.loo_max_percent)} at worst)"
        )
    r2 = "" if fit.r2 is None else f", R^2 {fit.r2:.3f}"
    return f"At {fit.precision}, {fit.formula}: b = {slope.value:.3g} {slope.unit}{limits}{r2}; {quality}."


# ---- precision ----


def _rank(precision: str) -> int:
    return PRECISIONS.rank(precision)


def _precision_factors(
    clean: pd.DataFrame, table: pd.DataFrame, baseline: Mapping[str, Any] | None, tolerance: float, equivalence: float
) -> list[PrecisionFactor]:
    names = sorted(table["precision"].unique(), key=_rank)
    if len(names) < 2:
        raise CannotAnswer(
            f"Whether energy is multiplicative in precision cannot be told: only {names[0]} was measured."
        )
    verdicts, regime = _regime(clean, baseline, tolerance)
    factors = []
    for i, slow in enumerate(names):
        for fast in names[i + 1 :]:
            pairs = _pairs(table, slow, fast, verdicts)
            if pairs:
                factors.append(_factor(slow, fast, pairs, regime, equivalence))
    if not factors:
        raise CannotAnswer(
            "Whether energy is multiplicative in precision cannot be told: no length and depth was measured "
            "in two precisions."
        )
    return factors


def _regime(
    clean: pd.DataFrame, baseline: Mapping[str, Any] | None, tolerance: float
) -> tuple[dict[tuple[Any, ...], str] | None, str]:
    """Verdict of each (precision, max_seq_len, depth), None where there is no accuracy."""
    if clean["accuracy"].isna().all() and clean["exact_match"].isna().all():
        return None, "everything measured (accuracy is unknown)"
    judged = judge(clean, baseline, tolerance).table
    keys = zip(judged["precision"], judged["max_seq_len"], judged["depth"], judged["verdict"], strict=True)
    return {(p, s, d): v for p, s, d, v in keys}, f"where accuracy is not worse by more than {points_word(tolerance)}"


def _pairs(
    table: pd.DataFrame, slow: str, fast: str, verdicts: dict[tuple[Any, ...], str] | None
) -> list[dict[str, Any]]:
    """Every length and depth measured in both precisions, the largest first."""
    place = ["max_seq_len", "depth"]
    first, second = (table[table["precision"] == p].set_index(place) for p in (slow, fast))
    shared = first.index.intersection(second.index)
    if shared.empty:
        return []
    value, low, high = ratios(first.loc[shared], second.loc[shared])
    kinds = first.loc[shared, "interval_kind"]
    pairs = []
    for (length, depth), r, lo, hi, kind in zip(shared, value, low, high, kinds, strict=True):
        judged = () if verdicts is None else [verdicts[(p, length, depth)] for p in (slow, fast)]
        pairs.append(
            {
                "max_seq_len": int(length),
                "depth": int(depth),
                "ratio": float(r),
                "low": _number(lo),
                "high": _number(hi),
                "interval_kind": kind if math.isfinite(lo) else NONE,
                "stable": all(v == NOT_WORSE for v in judged),
            }
        )
    return sorted(pairs, key=lambda p: (-p["depth"], -p["max_seq_len"]))


def _factor(slow: str, fast: str, pairs: list[dict[str, Any]], regime: str, equivalence: float) -> PrecisionFactor:
    limit = 100 * equivalence
    inside = [p for p in pairs if p["stable"]]
    claim = f"One factor between {slow} and {fast} (energy multiplicative in precision)"
    if len(inside) < 2:
        sentence = (
            f"{claim}: cannot tell, since it takes two pairs of configurations in the stable regime and "
            f"{len(inside)} of "
            f"{len(pairs)} measured are known to lie in it ({regime})."
        )
        pairs = [p | {"deviation_percent": None, "breaks": None} for p in pairs]
        return PrecisionFactor(
            slow, fast, None, None, None, None, limit, pairs[0]["interval_kind"], CANNOT_TELL, sentence, regime, pairs
        )
    factor = math.exp(sum(math.log(p["ratio"]) for p in inside) / len(inside))
    done = []
    for p in pairs:
        deviation = p["ratio"] / factor - 1
        out = _distance(p["ratio"], factor) > equivalence
        done.append(p | {"deviation_percent": 100 * deviation, "breaks": out})
    inside = [p for p in done if p["stable"]]
    worst = max(inside, key=lambda p: _distance(p["ratio"], factor))
    largest = _distance(worst["ratio"], factor)
    known = all(p["low"] is not None for p in inside)
    if known:
        high = max(max(_distance(p["low"], factor), _distance(p["high"], factor)) for p in inside)
        low = max(
            0.0 if p["low"] <= factor <= p["high"] else min(_distance(p["low"], factor), _distance(p["high"], factor))
            for p in inside
        )
        verdict = "holds" if high <= equivalence else "does not hold" if low > equivalence else CANNOT_TELL
    else:
        high = low = float("nan")
        verdict = "holds" if largest <= equivalence else "does not hold"
    return PrecisionFactor(
        slow=slow,
        fast=fast,
        factor=factor,
        deviation_percent=100 * largest,
        deviation_low_percent=_number(100 * low),
        deviation_high_percent=_number(100 * high),
        limit_percent=limit,
        interval_kind=worst["interval_kind"],
        verdict=verdict,
        sentence=_factor_sentence(claim, verdict, factor, worst, largest, high, limit, regime, done),
        regime=regime,
        pairs=done,
    )


def _distance(value: float, factor: float) -> float:
    """How far apart as a fraction, the same in both directions: 0.1 for a ratio of 1.1 or 1 / 1.1."""
    return math.exp(abs(math.log(value / factor))) - 1


def _factor_sentence(
    claim: str,
    verdict: str,
    factor: float,
    worst: dict[str, Any],
    largest: float,
    high: float,
    limit: float,
    regime: str,
    pairs: list[dict[str, Any]],
) -> str:
    bound = f", at most {format_percent(100 * high)}" if math.isfinite(high) else ", no interval"
    text = (
        f"{claim}: {verdict} within {limit:g} %. {factor:.3g}x fits "
        f"{sum(p['stable'] for p in pairs)} pairs "
        f"to {format_percent(100 * largest)} ({worst['max_seq_len']} tokens, depth {worst['depth']}{bound}) {regime}."
    )
    broken = [p for p in pairs if p["breaks"]]
    if broken:
        several = len({p["depth"] for p in pairs}) > 1
        places = ", ".join(
            f"{p['max_seq_len']} tokens"
            + (f" x {count_of(p['depth'], 'layers')}" if several else "")
            + f" ({p['ratio']:.2g}x)"
            for p in broken[:6]
        )
        more = f" and {len(broken) - 6} more" if len(broken) > 6 else ""
        text += f" It breaks at {places}{more}."
    return text


# ---- oddities ----


def _rising(table: pd.DataFrame) -> list[str]:
    """Where energy rises although work falls, by more than the trials of one configuration differ; the worst
    first."""
    out: list[tuple[float, str]] = []
    for work, unit, fixed, other in (
        ("max_seq_len", "tokens", "depth", "layers"),
        ("depth", "layers", "max_seq_len", "tokens"),
    ):
        ordered = table.sort_values(["precision", fixed, work])
        less, more = ordered.iloc[:-1], ordered.iloc[1:]
        same = (less[["precision", fixed]].to_numpy() == more[["precision", fixed]].to_numpy()).all(axis=1)
        value, low, _ = ratios(less, more)
        beyond = np.where(np.isfinite(low), low > 1, value > 1.02)
        for i in np.flatnonzero(same & beyond):
            place = f"{less['precision'].iloc[i]}, {count_of(less[fixed].iloc[i], other)}"
            few, many = float(inputs_of(more)[i]), float(inputs_of(less)[i])
            if many > few:  # less work per input, and more inputs: no oddity
                place += f"; {many:.3g} model inputs per example against {few:.3g}"
            amount = count_of(less[work].iloc[i], unit)
            out.append(
                (
                    float(value[i]),
                    f"Energy rises as work falls: {amount} {'costs' if amount.startswith('1 ') else 'cost'} "
                    f"{format_percent(100 * (value[i] - 1))} more than {more[work].iloc[i]} ({place}).",
                )
            )
    worst = [text for _, text in sorted(out, key=lambda found: -found[0])]
    if len(worst) > MOST_WARNINGS:
        rest = len(worst) - MOST_WARNINGS
        worst[MOST_WARNINGS:] = [f"Energy rises as work falls at {rest} more neighbouring configurations."]
    return worst


# ---- JSON ----


def spelled(formula: str) -> str:
    """A formula as it is printed: "b * depth * tokens^2" -> "b·depth·tokens²"."""
    return formula.replace(" * ", "·").replace("^2", "²")


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return _number(value)
    return value


def save(models: Sequence[EnergyModel], file: str | Path) -> None:
    """Write energy_model.json: a list, one model per group of comparable rows; `common` says which group."""
    text = json.dumps([m.to_dict() for m in models], indent=1, allow_nan=False)
    write_text(file, text + "\n")
