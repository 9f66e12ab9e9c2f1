"""What report.html and report.md are filled with, and the filling: every string from the data is escaped."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.findings.assessment import Assessment
from analysis.findings.claims import Finding, check_claims, load_claims
from analysis.findings.configurations import CARD_FACTOR, TOGETHER, plain, valid
from analysis.findings.energy_model.model import EnergyModel, spelled
from analysis.findings.pareto import hypervolume, knee
from analysis.findings.part import Part, attempt
from analysis.findings.recommend import CANNOT_TELL, NOT_WORSE, Recommendation
from analysis.findings.slices import LATENCY, Quantity, describe, energy_quantity, score_quantity
from analysis.report.cells import Table, configuration_table, flag_words, neighbour_table, plain_table
from analysis.report.gallery import Gallery, Picture, baseline_of, times
from analysis.report.seed_table import seed_table, several_seeds
from analysis.rows.cards import card_factors, short_uuid
from analysis.statistics.intervals import NONE, POOLED, REPLICATES, WITHIN
from analysis.words import payback
from analysis.words.recommendation import code, sentences
from analysis.words.rounding import (
    MISSING,
    count_of,
    format_interval,
    format_percent,
    format_with_uncertainty,
    points_change,
    points_word,
)
from search_spaces.axes import AXES
from trainables.rows.columns import FLAGS

TEMPLATES = Path(__file__).parent / "templates"
SOURCES = {
    "nvml_counter": "the card's own total-energy counter (NVML)",
    "nvml_power": "the card's power readings, integrated (NVML)",
    "rapl": "the CPU package's energy counter (RAPL)",
    "estimate": "no sensor: an assumed power times the busy time",
}
INTERVALS = {
    WITHIN: "over the windows of the only trial, too narrow as a statement about the configuration",
    NONE: "no interval",
}
SHORT_INTERVALS = {POOLED: "between trials", REPLICATES: "between trials", WITHIN: "within one trial"}


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """The recommendation in the order it is read. `choice` is empty where nothing cheaper passes; `scored` is False
    where no accuracy is known."""

    choice: str
    scored: bool
    baseline: str
    saving: str
    badge: str
    badge_class: str
    tiles: list[Tile]
    sentences: list[str]
    single_axis: Table | None
    runners_up: Table | None
    snippet: str


@dataclass(frozen=True)
class Section:
    """One assessment as the templates show it."""

    anchor: str
    heading: str
    measured: str
    source: str
    estimated: bool
    trials: int
    answer: Answer | None
    problem: str
    gallery: Gallery
    how_to_read: str
    table: Table
    seeds: Table | None  # of several seeds
    front_summary: str  # knee and hypervolume
    front_note: str
    front_probabilities: bool
    model_parts: list[dict[str, Any]]
    audit: Part[list[Finding]]
    method: list[str]
    caveats: list[str]  # what weakens the answer: cards that cannot be told apart, hardly any repeats
    cards: Table | None  # the anchors, card by card


def _front_summary(assessment: Assessment) -> str:
    """Where giving up more buys the least, and how much the frontier dominates; empty where there is none."""
    front = assessment.front.value
    if front is None or front.empty:
        return ""
    middle = knee(front, assessment.objectives)
    words = [] if middle is None else [f"Knee, where giving up more buys the least: {middle['configuration']}."]
    return " ".join([*words, hypervolume(front, assessment.objectives).sentence()])


def section(
    assessment: Assessment, gallery: Gallery, anchors: pd.DataFrame, card_note: str = "", left_out: str = ""
) -> Section:
    """Everything the page says about an assessment. `card_note`: of `level_cards`. `left_out`: a sentence."""
    levelled = CARD_FACTOR in assessment.clean and assessment.clean[CARD_FACTOR].notna().all()
    caveats = [left_out, "" if levelled else card_note]
    baseline = baseline_of(assessment)
    recommendation = assessment.recommendation.value
    front_note = assessment.front.problem
    if assessment.front.value is not None and len(assessment.front.value):
        front_note = str(assessment.front.value["front_note"].iloc[0])
    return Section(
        anchor=assessment.slug or "answer",
        heading=assessment.heading,
        measured="estimated" if assessment.estimated else "measured",
        source=SOURCES.get(str(assessment.common.get("energy_source")), "the source of the energy is not recorded"),
        estimated=assessment.estimated,
        trials=len(assessment.clean),
        answer=None if recommendation is None else answer(assessment, recommendation, card_note if levelled else ""),
        problem=assessment.recommendation.problem,
        gallery=gallery,
        how_to_read=_how_to_read(assessment),
        table=configuration_table(assessment, baseline),
        seeds=seed_table(assessment, baseline),
        front_summary=_front_summary(assessment),
        front_note=front_note,
        front_probabilities="front_probability" in assessment.table
        and bool(assessment.table["front_probability"].notna().any()),
        model_parts=[_model_part(common, part) for common, part in assessment.models],
        audit=attempt("The audit", lambda: audit_of(assessment, baseline)),
        method=[*_method(assessment), *([card_note] if card_note else [])],
        caveats=[note for note in (*caveats, _repeats_note(assessment.table)) if note],
        cards=_card_table(anchors, assessment),
    )


def left_out(assessment: Assessment, rows: pd.DataFrame) -> str:
    """How many trials of this comparison are not in it, and why; "" where none is missing. `rows`: all."""
    own = rows
    for column in TOGETHER:
        if column in own:  # a failed trial may not know its card
            value = assessment.common.get(column)
            own = own[own[column].isna() | (own[column] == value)] if value is not None else own
    missing = own[~own.index.isin(assessment.clean.index)]
    if missing.empty:
        return ""
    reasons = valid(missing)[1]["reason"].str.split(":").str[0].value_counts()
    spelled = "; ".join(f"{n} with {_reason_words(str(r))}" for r, n in reasons.head(4).items())
    return f"Left out: {len(missing)} of {count_of(len(own), 'trials')}. {spelled}."


def _reason_words(reason: str) -> str:
    """ "flag short_window" with the flag's rule."""
    name = reason.removeprefix("flag ")
    rule = f" ({FLAGS[name].rule})" if name in FLAGS else ""
    return f"{reason.replace(name, flag_words(name))}{rule}" if rule else flag_words(reason)


def _card_table(anchors: pd.DataFrame, assessment: Assessment) -> Table | None:
    """How the cards of the assessment differ by their anchors; None where there are none."""
    factors = card_factors(anchors)
    if factors.empty:
        return None
    trials = assessment.clean["gpu_uuid"].value_counts()
    rows = [
        {
            "card": short_uuid(str(f["gpu_uuid"])),
            "trials": str(trials.get(f["gpu_uuid"], 0)),
            "anchors": str(f["anchors"]),
            "energy": format_with_uncertainty(1e3 * f["energy_j_per_example"]),
            "factor": format_with_uncertainty(
                f["energy_factor"], 1.96 * f["energy_factor_se"] if len(factors) > 1 else None
            ),
            "drift": format_percent(100 * f["drift"]),
        }
        for f in factors.to_dict("records")
    ]
    heads = {
        "card": "Card",
        "trials": "Trials",
        "anchors": "Anchors",
        "energy": "Anchor energy (mJ/example)",
        "factor": "Over the cards' mean",
        "drift": "Furthest from its median",
    }
    if len(factors) == 1:
        del heads["factor"]
    return plain_table(pd.DataFrame(rows), heads)


def answer(assessment: Assessment, r: Recommendation, last: str = "") -> Answer:
    """The recommendation in words, tiles and tables. `last`: a sentence to end on."""
    energy = energy_quantity(assessment.table)
    shown = r.choice if r.choice is not None else r.baseline
    varying = ["precision", "max_seq_len", "depth"]
    varying += [a for a in AXES if a not in varying and plain(shown[a]) != plain(r.baseline[a])]
    tiles = [_pair_tile("Estimated energy" if r.estimated else "Energy", energy, r)]
    if r.saving is not None:
        note = f"95 % interval, {SHORT_INTERVALS.get(r.saving.kind, 'none')}"
        value = format_interval(r.saving.value, r.saving.low, r.saving.high, "×")
        tiles.insert(
            0, Tile("Saving", value.split(" (")[0], f"{_range(value)} ({note})" if "(" in value else "no interval")
        )
    tiles.append(_accuracy_tile(r))
    tiles.append(_pair_tile("Latency", LATENCY, r))
    badge, badge_class = "nothing cheaper passes" if r.scored else "accuracy not known", "unsure"
    if r.choice is not None:
        badge, badge_class = "accuracy not worse", "good"
        if r.choice["verdict_among_many"] != NOT_WORSE:
            badge, badge_class = "accuracy not worse, to be confirmed", "unsure"
    return Answer(
        choice="" if r.choice is None else describe(shown, varying),
        scored=r.scored,
        baseline=describe(r.baseline, varying),
        saving="" if r.saving is None else times(r.saving.value),
        badge=badge,
        badge_class=badge_class,
        tiles=tiles,
        sentences=[*sentences(r)[r.choice is not None :], *filter(None, [payback.sentence(assessment.payback), last])],
        single_axis=neighbour_table(assessment, r.single_axis, changed_only=True) if len(r.single_axis) else None,
        runners_up=neighbour_table(assessment, r.runners_up) if len(r.runners_up) else None,
        snippet=code(r),
    )


def _range(text: str) -> str:
    return text[text.index("(") + 1 : -1]


def _pair_tile(label: str, quantity: Quantity, r: Recommendation) -> Tile:
    def one(row: pd.Series) -> str:
        value = row[quantity.column]
        if pd.isna(value):
            return MISSING
        error = row.get(quantity.error_column) if quantity.error_column else None
        half = None if error is None or pd.isna(error) else float(error) * quantity.factor
        return format_with_uncertainty(float(value) * quantity.factor, half)

    if r.choice is None:
        return Tile(f"{label} ({quantity.unit})", one(r.baseline), "the baseline")
    return Tile(f"{label} ({quantity.unit})", one(r.choice), f"baseline {one(r.baseline)}")


def _accuracy_tile(r: Recommendation) -> Tile:
    shown = r.choice if r.choice is not None else r.baseline
    score = score_quantity(r.table)
    if score is None or pd.isna(shown[score.column]):
        return Tile("Accuracy", MISSING, "not known")
    name = score.label.removesuffix(" (%)")
    value = f"{100 * shown[score.column]:.1f} %"
    if r.choice is None:
        return Tile(name, value, "the baseline")
    note = f"baseline {100 * r.baseline[score.column]:.1f} %"
    if pd.notna(shown["accuracy_difference_low"]):
        change = points_change(shown["accuracy_difference"], r.examples)
        worst = points_change(shown["accuracy_difference_low"], r.examples)
        note += f"; change {change} points, at worst {worst} (one-sided 95 %)"
    return Tile(name, value, note)


def _how_to_read(assessment: Assessment) -> str:
    kinds = [k for k in assessment.table["interval_kind"].unique() if k != NONE]
    bars = " or ".join(SHORT_INTERVALS[str(k)] for k in kinds)
    bars = f"Energy and latency bars: 95 %, {bars}. " if bars else "Energy and latency have no interval. "
    faint = "Faint: the single seeds, behind their mean. " if several_seeds(assessment) else ""
    return (
        "The black step is the frontier: the best accuracy that can be had for at most that cost. Circled: "
        "the baseline, and the cheapest configuration whose accuracy is not worse by more than "
        f"{points_word(assessment.tolerance)} (dashed line). {faint}{bars}Accuracy bars: 95 % (Wilson); the verdict "
        "compares the same examples one by one, and is sharper than these bars suggest."
    )


def _replicates_words(table: pd.DataFrame) -> str:
    """What the headline interval is made from (see `analysis.statistics.intervals`)."""
    repeated = int((table["n_trials"] > 1).sum())
    of = "the only configuration that was repeated" if repeated == 1 else f"the {repeated} repeated configurations"
    inflation = float(table["energy_inflation"].iloc[0])
    if not math.isfinite(inflation):
        return f"Student-t, from the relative spread between separate trials of {of}; it counts as equal for all"
    freedom = count_of(int((table["n_trials"] - 1).sum()), "degrees")
    return (
        f"Student-t, from each configuration's own error within its trials times one factor for all (energy: "
        f"{inflation:.2g}), by which separate trials of {of} differ more than their windows say (Birge ratio, never "
        f"below 1; {freedom} of freedom)"
    )


def _repeats_note(table: pd.DataFrame) -> str:
    """A warning where one pair of trials is all that is known of the spread between trials."""
    if (table["n_trials"] - 1).sum() != 1:
        return ""
    return (
        "One configuration was measured twice and no other was repeated: energy intervals rest on a single "
        "difference (Student-t with one degree of freedom), so they are wide and tell little. Repeat more "
        "configurations."
    )


def _model_part(common: Mapping[str, Any], part: Part[EnergyModel]) -> dict[str, Any]:
    words = [f"{axis.word} {common[k]}" for k, axis in AXES.items() if not axis.published and common.get(k)]
    model = part.value
    if model is None:
        return {
            "common": ", ".join(words),
            "problem": part.problem,
            "sentences": [],
            "fits": [],
            "not_made": [],
            "table": None,
        }
    rows = []
    for fit in (*model.depth_fits, *model.length_fits):
        for c in fit.coefficients:
            half = None if c.low is None or c.high is None else (c.high - c.low) / 2
            factor, unit = _si(max(abs(c.value), half or 0.0), c.unit)
            rows.append(
                {
                    "precision": fit.precision,
                    "formula": spelled(fit.formula),
                    "name": c.name,
                    "value": format_with_uncertainty(c.value * factor, None if half is None else half * factor),
                    "unit": unit,
                    "r2": MISSING if fit.r2 is None else f"{fit.r2:.4f}",
                    "error": MISSING if fit.loo_median_percent is None else format_percent(fit.loo_median_percent),
                    "n": str(fit.configurations),
                }
            )
    heads = {
        "precision": "Precision",
        "formula": "Model",
        "name": "Term",
        "value": "Value (95 %)",
        "unit": "Unit",
        "r2": "R²",
        "error": "Leave-one-out error",
        "n": "Points",
    }
    table = plain_table(pd.DataFrame(rows, columns=list(heads)), heads) if rows else None
    fits = [f.verdict for f in (*model.depth_fits, *model.length_fits)]
    rest = [spelled(s) for s in model.sentences if s not in (*fits, *model.not_made)]
    fits = [spelled(s) for s in fits]
    return {
        "common": ", ".join(words),
        "problem": "",
        "sentences": rest,
        "fits": fits,
        "not_made": model.not_made,
        "table": table,
    }


def _si(size: float, unit: str) -> tuple[float, str]:
    """The factor and the unit in which `size` is at least 1: 3.2e-5, "J per token" -> 1e6, "µJ per token"."""
    for factor, prefix in ((1.0, ""), (1e3, "m"), (1e6, "µ"), (1e9, "n")):
        if abs(size) * factor >= 1 or prefix == "n":
            break
    return factor, spelled(unit.replace("J", f"{prefix}J", 1))


def audit_of(assessment: Assessment, baseline: pd.Series) -> list[Finding]:
    """The published claims against this run's own rows, at the baseline's full depth and other settings."""
    claims = load_claims()
    fixed = {a: baseline[a] for a in AXES if a not in ("precision", "max_seq_len") and pd.notna(baseline[a])}
    own = [
        dataclasses.replace(c, start=c.start | fixed, to=c.to | fixed, tasks=(str(baseline["task"]),), sweep=None)
        for c in claims.claims
    ]
    return check_claims(assessment.clean, dataclasses.replace(claims, claims=own))


@functools.cache
def published_findings() -> list[Finding]:
    """The published experiment's claims against its own rows: the same in every report."""
    from analysis.audit import audit

    return audit()


def finding_words(finding: Finding) -> dict[str, str]:
    """A finding as table cells."""
    change = MISSING if finding.accuracy_change is None else points_change(finding.accuracy_change, None)
    badge = {"holds": "good", "does not hold": "bad"}.get(finding.verdict, "unsure")
    return {
        "claim": finding.claim,
        "task": finding.task,
        "claimed": f"{finding.claimed_ratio:g}×",
        "measured": format_interval(finding.measured_ratio, finding.ratio_low, finding.ratio_high, "×"),
        "change": change,
        "verdict": finding.verdict,
        "badge": badge,
        "reasons": "; ".join(finding.reasons),
    }


def _method(assessment: Assessment) -> list[str]:
    rows = assessment.clean
    source = SOURCES.get(str(assessment.common.get("energy_source")), "not recorded")
    lines = [f"Energy: {source}; gross, idle power not subtracted."]
    if rows["windows"].notna().any():
        lines.append(
            f"Each trial: {rows['windows'].median():.0f} windows of whole passes (median), the shortest "
            f"{rows['window_s'].min():.2g} s, {rows['total_s'].median():.3g} s in all"
            + (f", after {rows['warmup_s'].median():.2g} s of warm-up." if rows["warmup_s"].notna().any() else ".")
        )
    lines.append("Latency is the wall time of the same windows over their examples.")
    if rows["accuracy"].notna().any() and rows["examples"].notna().any():
        lines.append(
            f"Accuracy: one complete pass of exactly the configuration measured, {rows['examples'].max():.0f} examples."
        )
    kinds = assessment.table["interval_kind"].value_counts()
    for kind, count in kinds.items():
        which = "" if len(kinds) == 1 else f" of {count_of(int(count), 'configurations')}"
        words = _replicates_words(assessment.table) if kind in (POOLED, REPLICATES) else INTERVALS[str(kind)]
        lines.append(f"95 % intervals{which}: {words}.")
    lines += [note for note in (_repeats_note(assessment.table),) if note]
    lines.append(
        "Accuracy verdicts: paired non-inferiority against the baseline on the same examples, tolerance "
        f"{points_word(assessment.tolerance)}, score interval (Tango 1998), one-sided 5 %; “{CANNOT_TELL}” where "
        "this many examples do not decide."
    )
    lines.append(
        "Frontier: exact non-dominated set; the percentage is how often a configuration stays on it when "
        "examples are resampled (the same ones for all) and energy is drawn with its spread."
    )
    return lines


# ---- the page ----


def environment_rows(found: Mapping[str, Any], limit: int = 120) -> list[tuple[str, str]]:
    """environment.json as (key path, value): {"gpus": [{"name": "x"}]} -> ("gpus 0 name", "x")."""
    rows: list[tuple[str, str]] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{prefix} {key}".strip(), inner)
        elif isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
            for i, inner in enumerate(value):
                walk(f"{prefix} {i}".strip(), inner)
        elif isinstance(value, list):
            rows.append((prefix, " ".join(map(str, value)) or MISSING))
        elif value is None or (isinstance(value, float) and not math.isfinite(value)):
            rows.append((prefix, MISSING))
        else:
            rows.append((prefix, str(value)))

    walk("", found)
    if len(rows) > limit:
        rows = [*rows[:limit], ("", f"and {len(rows) - limit} more in environment.json")]
    return rows


def flag_table(rows: pd.DataFrame) -> Table:
    """Every flag that a trial carries: how many trials, what it means, what follows."""
    counts: dict[str, int] = {}
    for text in rows["flags"].fillna(""):
        for name in filter(None, str(text).split(";")):
            counts[name] = counts.get(name, 0) + 1
    frame = pd.DataFrame(
        [
            {
                "flag": flag_words(name),
                "trials": f"all {count}" if count == len(rows) else f"{count} of {len(rows)}",
                "meaning": FLAGS[name].rule if name in FLAGS else "not a flag this version knows",
                "effect": "energy excluded" if name in FLAGS and FLAGS[name].invalid else "kept, with this caveat",
            }
            for name, count in sorted(counts.items(), key=lambda item: -item[1])
        ],
        columns=["flag", "trials", "meaning", "effect"],
    )
    return plain_table(frame, {"flag": "Flag", "trials": "Trials", "meaning": "Meaning", "effect": "Effect"})


def exclusion_table(excluded: pd.DataFrame, limit: int = 200) -> Table:
    """Trials outside fits and frontiers, with the reason."""
    heads = {"trial_id": "Trial", "status": "Status", "reason": "Reason"}
    table = plain_table(excluded.head(limit), heads)
    if len(excluded) > limit:
        table = dataclasses.replace(table, note=f"{limit} of {len(excluded)}; results.csv has all.")
    return table


def data_uri(file: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def picture_source(picture: Picture) -> str:
    """The picture inlined: the SVG, or the PNG where the SVG is large (many points)."""
    if picture.svg is None or picture.png is None:
        return ""
    if picture.svg.stat().st_size <= 300_000:
        return data_uri(picture.svg, "image/svg+xml")
    return data_uri(picture.png, "image/png")


def overview(sections: list[Section]) -> Table:
    """The answers of several assessments at a glance."""
    rows = []
    for s in sections:
        answer = s.answer
        tile = {t.label.split(" (")[0]: t for t in answer.tiles} if answer else {}
        rows.append(
            {
                "heading": s.heading,
                "choice": "no recommendation"
                if answer is None
                else answer.choice or (f"stay with {answer.baseline}" if answer.scored else "accuracy not known"),
                "saving": answer.saving if answer and answer.saving else MISSING,
                "accuracy": tile["Accuracy"].value if "Accuracy" in tile else MISSING,
                "kind": s.measured,
                "trials": str(s.trials),
            }
        )
    heads = {
        "heading": "What was compared",
        "choice": "Cheapest that keeps accuracy",
        "saving": "Less energy",
        "accuracy": "Accuracy",
        "kind": "Energy",
        "trials": "Trials",
    }
    return plain_table(pd.DataFrame(rows, columns=list(heads)), heads)


@dataclass(frozen=True)
class Page:
    """All that the templates need."""

    title: str
    runs: list[str]
    sections: list[Section]
    counts: dict[str, int]  # trials by status
    problem: str  # why there is no section at all
    notes: list[str]
    flags: Table
    excluded: Table
    excluded_count: int
    environments: list[tuple[str, list[tuple[str, str]]]]
    published: Part[list[Finding]]
    overview: Table | None  # of several sections
    made_at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC))


def render(page: Page) -> tuple[str, str]:
    """(report.html, report.md)."""
    return render_templates("report", page=page, finding_words=finding_words)


def render_templates(name: str, **values: Any) -> tuple[str, str]:
    """(HTML, Markdown) of a pair of templates; the same things are escaped, and pictures inlined, in all of them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),  # Markdown has its own filter, `md`
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["md"] = markdown_text
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    values |= {"picture_source": picture_source, "script": Markup(script), "policy": content_policy(script)}  # noqa: S704 (our own file)
    html = environment.get_template(f"{name}.html.j2").render(values)
    markdown = environment.get_template(f"{name}.md.j2").render(values)
    return html, markdown.strip() + "\n"


def content_policy(script: str) -> str:
    """What a page may do: its own script and styles, pictures it holds itself, no network. A second line, should a text
    ever get past the escaping."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sources = ("default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'")
    return "; ".join((*sources, "base-uri 'none'", "form-action 'none'"))


def markdown_text(value: object) -> str:
    """Text as text in a Markdown table or sentence: no HTML, no table cells, no line breaks."""
    text = " ".join(str(value).split())
    for character, escaped in (
        ("\\", "\\\\"),  # first: a backslash of the text must not undo the next escape
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("`", "\\`"),
        ("*", "\\*"),
    ):
        text = text.replace(character, escaped)
    return text.replace("[", "\\[").replace("_", "\\_")
