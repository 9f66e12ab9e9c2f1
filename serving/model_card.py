"""README.md of an export: Hub metadata, what it is, how it is run, what was measured and how far that is known."""

from collections.abc import Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from search_spaces.axes import AXES
from search_spaces.backends import BACKENDS
from search_spaces.models import model_slug
from search_spaces.objectives import OBJECTIVES
from search_spaces.precisions import PRECISIONS
from serving.bundle import Bundle
from trainables.energy.sources import SOURCES, words_of
from trainables.tasks import get_task

J_PER_KWH = 3.6e6


def model_card(bundle: Bundle, base_model: str | None, co2_g_per_kwh: float | None = None) -> str:
    """The text of the file. `base_model`: a hub id. `co2_g_per_kwh`: of the electricity that the fine-tuning used; None
    leaves its emissions out."""
    parts = [
        f"---\n{_metadata(bundle, base_model, co2_g_per_kwh).to_yaml()}\n---",
        f"# {_name(bundle)}",
        *_warnings(bundle),
        _what(bundle),
        _how(bundle),
        "## What was measured\n\n" + "\n".join(_measured(bundle)),
        *filter(None, [_recommended(bundle), _finetuning(bundle)]),
        "Written by Jouletune. The same as data, with digests of weights, recipe and data: `jouletune.json`.",
    ]
    return "\n\n".join(parts) + "\n"


def _name(bundle: Bundle) -> str:
    trial = bundle.config
    told = ", ".join(
        AXES[name].spell(value, "name_words") for name, value in trial.configuration.items() if name != "model"
    )
    return f"{model_slug(trial.model)} on {trial.task}: {told}"


def _metadata(bundle: Bundle, base_model: str | None, co2_g_per_kwh: float | None) -> ModelCardData:
    trial, row = bundle.config, bundle.measured
    answers = get_task(trial.task).head == "question_answering"
    kind = "question-answering" if answers else "text-classification"
    numbers = {name: row[name] for name in OBJECTIVES if row.get(name) is not None}
    results = [
        EvalResult(
            task_type=kind,
            dataset_type=trial.task,
            dataset_name=trial.task,
            dataset_split="validation",
            metric_type=name,
            metric_name=f"{name} ({OBJECTIVES[name].unit}{'' if OBJECTIVES[name].score else '; ' + _scope(row)})",
            metric_value=value,
        )
        for name, value in numbers.items()
    ]
    more: dict[str, Any] = {}
    tuned = bundle.finetuning
    if co2_g_per_kwh is not None and tuned is not None and _is_measured(tuned.get("train_energy_source")):
        more["co2_eq_emissions"] = {
            "emissions": tuned["train_energy_j"] / J_PER_KWH * co2_g_per_kwh,  # g, as the hub has it
            "source": f"energy by {tuned['train_energy_source']}, times {co2_g_per_kwh:g} g CO2eq per kWh as given",
            "training_type": "fine-tuning",
            "hardware_used": row.get("gpu_name"),
        }
    return ModelCardData(
        model_name=_name(bundle),
        eval_results=results,
        library_name="jouletune" if PRECISIONS[trial.precision].quantised else "transformers",
        pipeline_tag=kind,
        tags=["jouletune", "energy-efficiency", trial.precision],
        base_model=base_model,
        **more,
    )


def _warnings(bundle: Bundle) -> list[str]:
    found = bundle.recommendation
    if found is None:
        return ["> The trial was named by hand; no report recommends it."]
    if found["confirmed"] == "no":
        return [f"> **Warning: its saving was not confirmed.** {found['confirmed_because']}"]
    if found["confirmed"] == "absent":
        return [f"> Its saving is that of the trials it was chosen by: not confirmed ({found['confirmed_because']})."]
    return []


def _what(bundle: Bundle) -> str:
    trial = bundle.config
    if bundle.labels:
        pair, names = len(bundle.text_columns) > 1, ", ".join(bundle.text_columns)
        texts = f"A pair of texts ({names})" if pair else "A text" if names == "text" else f"A text ({names})"
        said = f"{texts} to one of {', '.join(bundle.labels)}"
    else:
        said = "A question and a context to the span of the context that answers it"
    quantised = PRECISIONS[trial.precision].quantised
    loads = (
        "Its linear layers are quantised; plain Transformers cannot load them."
        if quantised
        else "Plain Transformers loads it too, and gives the same answers up to rounding, at another cost."
    )
    cut_share = "" if bundle.cut_share is None else f" ({100 * bundle.cut_share:.1f} % of the evaluated examples were)"
    recipe = BACKENDS[trial.backend].recipe
    loads += f" What was measured computes {recipe} (backend {trial.backend})." if recipe else ""
    return f"{said}. Texts are cut to {trial.max_seq_len} tokens{cut_share}. {loads}"


def _how(bundle: Bundle) -> str:
    example = '"a text"' if len(bundle.text_columns) == 1 else f"({', '.join(repr(n) for n in bundle.text_columns)})"
    return (
        "```python\nfrom serving.predictor import Predictor  # of jouletune\n\n"
        f'Predictor.load("this folder").predict([{example}])\n```'
    )


def _measured(bundle: Bundle) -> list[str]:
    row = bundle.measured
    energy, half = row["energy_j_per_example"], row.get("energy_j_per_example_ci95")
    within = "" if half is None else f" ± {1e3 * half:.2g} (95 %, within one trial)"
    lines = [
        f"- On {row.get('gpu_name')}, {row.get('examples')} examples of the validation split.",
        f"- Energy: {1e3 * energy:.4g} mJ per example{within}; {_scope(row)}.",
        f"- Latency: {row['latency_ms_per_example']:.4g} ms per example, in batches of {bundle.config.batch_size}.",
    ]
    scores = [(name, row[name]) for name, o in OBJECTIVES.items() if o.score and row.get(name) is not None]
    lines += [f"- {OBJECTIVES[name].word.capitalize()}: {100 * value:.2f} %." for name, value in scores]
    if row.get("flags"):
        lines.append(f"- Flags of the trial: {row['flags']}.")
    return lines


def _recommended(bundle: Bundle) -> str:
    found = bundle.recommendation
    if found is None or found["saving"] is None or found["baseline"] is None:
        return ""
    saving, base = found["saving"], TrialName(found["baseline"]["configuration"])
    interval = "" if saving["low"] is None else f" (95 % interval {saving['low']:.4g} to {saving['high']:.4g})"
    estimated = "estimated " if found["estimated"] else ""
    return (
        f"It uses {saving['value']:.4g} times less {estimated}energy{interval} than {base}, and its score is "
        f"{found['verdict']} by more than {_points(found['tolerance'])}. {found['confirmed_because']}".rstrip()
    )


def _points(fraction: float) -> str:
    points = f"{100 * fraction:g}"
    return f"{points} point" if points == "1" else f"{points} points"


class TrialName:
    """A configuration told by its axes."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self.configuration = configuration

    def __str__(self) -> str:
        own = [name for name in AXES if name != "model"]
        known = {name: self.configuration[name] for name in own if self.configuration.get(name) is not None}
        return ", ".join(AXES[name].spell(value, "name_words") for name, value in known.items())


def _finetuning(bundle: Bundle) -> str:
    tuned = bundle.finetuning
    if tuned is None or tuned.get("train_energy_j") is None:
        return ""
    how = "" if _is_measured(tuned.get("train_energy_source")) else ", estimated,"
    return f"Fine-tuning took {tuned['train_energy_j'] / 1e3:.4g} kJ{how} in {tuned['train_s']:.0f} s."


def _scope(row: Mapping[str, Any]) -> str:
    source = row.get("energy_source")
    if source not in SOURCES:
        return str(words_of(source, "source not recorded"))
    known = SOURCES[str(source)]
    return f"{known.words}; it is {known.scope}" if known.measured else known.scope


def _is_measured(source: object) -> bool:
    return source in SOURCES and SOURCES[str(source)].measured
