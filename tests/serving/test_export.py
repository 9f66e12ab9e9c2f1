"""An export holds what was measured, Transformers loads it, and what is wrong is refused by name."""

import json
import shutil
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from search_spaces.backends import BACKENDS
from search_spaces.errors import UsageError
from serving import device, make_export
from serving.bundle import BUNDLE_FILE, read_bundle
from serving.export import main
from serving.make_export import export, tokens_per_batch
from serving.model_card import model_card
from serving.predictor import Predictor
from serving.run_folder import find
from serving.weights import QUANTISED_FILE
from tests.make.measured_run import Case, trial_of, tsv_case
from tests.make.rows import row
from trainables.model.architectures import layer_list
from trainables.rows.recommendation import RECOMMENDATION_FILE, Measured, Recommended, Saving, recommendation_text
from trainables.tasks import get_task

Runs = dict[str, tuple[Path, Case]]


def recommendation(trial: Any, **values: Any) -> Recommended:
    """That `trial` is recommended, and saves 20 times."""
    measured = Measured(trial.trial_id, trial.to_dict(), 0.02, None, 2.0, None, 0.5)
    known: dict[str, Any] = dict.fromkeys(Recommended.__dataclass_fields__)
    known |= {
        "heading": "demo",
        "run": "run",
        "choice": measured,
        "baseline": measured,
        "reason": "",
        "confirmed": "yes",
    }
    known |= {"saving": Saving(20.0, 19.0, 21.0, "fresh trials"), "confirmed_because": "", "tolerance": 0.01}
    return Recommended(**known | {"estimated": False, "verdict": "not worse"} | values)


@pytest.fixture
def run(runs: Runs, tmp_path: Path) -> Path:
    """A copy of the demo's run, to be changed."""
    shutil.copytree(runs["demo"][0], tmp_path / "run")
    return tmp_path / "run"


def recommend(run: Path, *found: Recommended) -> None:
    (run / RECOMMENDATION_FILE).write_text(recommendation_text(found))


PACKED = {"padding": "packed"}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_plain_transformers_gives_the_same_answers(precision, runs, tmp_path):
    run, case = runs["demo"]
    export(find(run, trial_of(case, padding="packed", precision=precision).trial_id), tmp_path / "out")
    predictor = Predictor.load(tmp_path / "out")
    texts = list(get_task("demo").load("validation", None, 40).first)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model, info = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "out", dtype="auto", output_loading_info=True
    )
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert model.dtype == {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    assert len(layer_list(model)) == 2
    with torch.inference_mode():
        inputs = tokenizer(texts, truncation=True, max_length=24, padding=True, return_tensors="pt")
        theirs = model.eval()(**inputs).logits.float().numpy()
    ours = predictor.outputs(texts)
    np.testing.assert_allclose(ours, theirs, atol=1e-5 if precision == "fp32" else 0.05 * np.ptp(theirs))
    named = [model.config.id2label[i] for i in theirs.argmax(axis=1)]
    margin = np.abs(theirs[:, 0] - theirs[:, 1]) > 2 * np.abs(ours - theirs).max()
    assert margin.sum() > 20
    assert [a.answer for a, sure in zip(predictor.predict(texts), margin, strict=True) if sure] == [
        name for name, sure in zip(named, margin, strict=True) if sure
    ]


def test_quantised_weights_are_no_plain_ones(runs, tmp_path):
    run, case = runs["demo"]
    export(find(run, trial_of(case, padding="packed", precision="int8").trial_id), tmp_path / "out")
    assert (tmp_path / "out" / QUANTISED_FILE).is_file()
    with pytest.raises(OSError, match="no file named"):
        AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    assert "plain Transformers cannot load them" in (tmp_path / "out" / "README.md").read_text()


def test_fp8_is_exported_anywhere_and_refused_where_it_cannot_run(runs, tmp_path, monkeypatch):
    run, case = runs["demo"]
    source = find(run, trial_of(case, padding="packed", precision="int8").trial_id)
    export(replace(source, row=source.row | {"precision": "fp8"}), tmp_path / "out")
    with pytest.raises(UsageError, match=r"fp8 needs a CUDA device.*here run exports of fp32, tf32, bf16, fp16, int8"):
        Predictor.load(tmp_path / "out")
    monkeypatch.setattr(device, "_lacks", lambda *_: "")
    with pytest.raises(UsageError, match=r"fp8 needs a CUDA device of compute capability 8\.9"):
        Predictor.load(tmp_path / "out")


def test_what_the_report_recommends_is_exported(run, runs, tmp_path, capsys):
    trial = trial_of(runs["demo"][1], **PACKED)
    recommend(run, recommendation(trial))
    assert main([str(run), "--output-dir", str(tmp_path / "out")]) == 0
    assert capsys.readouterr() == (f"exported {trial.trial_id} to {tmp_path / 'out'}\n", "")
    bundle = read_bundle(tmp_path / "out")
    assert bundle.config == trial
    assert bundle.labels == ("negative", "positive")
    assert bundle.recommendation is not None
    assert bundle.recommendation["saving"]["value"] == 20.0
    assert bundle.measured["energy_j_per_example"] > 0
    assert bundle.measured["weights_digest"] == find(run, trial.trial_id).row["weights_digest"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "It uses 20 times less energy (95 % interval 19 to 21) than" in card
    assert "Warning" not in card


def test_one_whose_confirmation_failed_is_exported_with_a_warning(run, runs, tmp_path, capsys):
    because = "These trials leave open whether anything is saved: measure more, or stay with the baseline."
    recommend(run, recommendation(trial_of(runs["demo"][1], **PACKED), confirmed="no", confirmed_because=because))
    assert main([str(run), "--output-dir", str(tmp_path / "out")]) == 0
    assert f"warning: its saving is not confirmed: {because}" in capsys.readouterr().err
    assert f"> **Warning: its saving was not confirmed.** {because}" in (tmp_path / "out" / "README.md").read_text()


def test_without_a_recommendation_a_trial_must_be_named(run, runs):
    with pytest.raises(UsageError, match=r"recommendation.json, but .* has none; write it anew: python -m analysis"):
        find(run, None)
    recommend(run, recommendation(trial_of(runs["demo"][1]), choice=None, reason="nothing cheaper is as accurate"))
    with pytest.raises(UsageError, match=r"recommends nothing \(nothing cheaper is as accurate\); name a trial"):
        find(run, None)
    one = recommendation(trial_of(runs["demo"][1]))
    recommend(run, one, one)
    with pytest.raises(UsageError, match="the report recommends several"):
        find(run, None)
    with pytest.raises(UsageError, match=r"has no row of 'nonsense'; its rows are named like demo-demo-bert"):
        find(run, "nonsense")


def test_a_trial_that_measured_nothing_is_not_exported(run):
    from tests.make.rows import write_trial

    failed = row(48, task="demo", status="failed", error="OutOfMemoryError")
    write_trial(run / "ray" / "measure-0", failed)
    with pytest.raises(UsageError, match="is failed: OutOfMemoryError; name another"):
        find(run, failed["trial_id"])


def test_weights_that_are_not_the_trials_are_refused(run, runs, tmp_path):
    source = find(run, trial_of(runs["demo"][1], **PACKED).trial_id)
    with pytest.raises(UsageError, match=r"must be those that it measured \(digest of-others\)"):
        export(replace(source, row=source.row | {"weights_digest": "of-others"}), tmp_path / "out")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UsageError, match="the weights of a trial must be in its run"):
        export(source, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"], "nothing is left of an export that failed"


def test_a_folder_that_exists_or_is_no_run_is_refused(run, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="an export goes into a new folder"):
        main([str(run), "--output-dir", str(tmp_path / "there")])
    with pytest.raises(UsageError, match=r"a run folder must hold sweep.json .*, but .* does not exist"):
        main([str(tmp_path / "nowhere"), "--output-dir", str(tmp_path / "out")])


@pytest.fixture
def damaged(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path / "export")
    return tmp_path / "export"


def changed(folder: Path, **values: Any) -> None:
    file = folder / BUNDLE_FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_an_export_is_as_it_was_written_or_refused(damaged):
    weights = damaged / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UsageError, match=r"model.safetensors in .* does not match its digest; copy or export it again"):
        Predictor.load(damaged)
    weights.unlink()
    with pytest.raises(UsageError, match=r"model.safetensors in .* is missing"):
        Predictor.load(damaged)


def test_the_card_may_be_edited(damaged):
    (damaged / "README.md").write_text("mine")
    assert len(Predictor.load(damaged).predict(["soup"])) == 1


def test_another_version_and_what_is_no_export(damaged, tmp_path):
    changed(damaged, version=2)
    with pytest.raises(UsageError, match=r"must be of version 1, but .* is of 2; export the run again"):
        read_bundle(damaged)
    changed(damaged, version=1, configuration={"task": "demo"})
    with pytest.raises(UsageError, match=r"jouletune.json is damaged"):
        read_bundle(damaged)
    (damaged / BUNDLE_FILE).write_text("{")
    with pytest.raises(UsageError, match=r"jouletune.json is damaged"):
        read_bundle(damaged)
    with pytest.raises(UsageError, match=r"has no jouletune\.json; export a run first"):
        read_bundle(tmp_path)


def test_users_texts_are_called_as_their_data_call_them(runs, tmp_path):
    run, case = runs["tsv"]
    source = find(run, trial_of(case).trial_id)
    assert export(source, tmp_path / "a").text_columns == ("text1", "text2")
    gone = replace(source, sweep=replace(source.sweep, data_dir=str(tmp_path / "gone")))
    with pytest.raises(UsageError, match=r"what the texts are called is in the data.*gone.*give --data-dir"):
        export(gone, tmp_path / "b")
    other = tsv_case(tmp_path / "data", pairs=True)
    (other.data_dir / "dev.tsv").write_text((case.data_dir / "dev.tsv").read_text().replace("good", "fair"))  # type: ignore[operator, union-attr]
    assert export(gone, tmp_path / "b", other.data_dir).cut_share is None, "of other examples than the sweep's"
    assert read_bundle(tmp_path / "a").cut_share == pytest.approx(0.45, abs=0.2)


def test_the_trials_tokens_per_batch_worked_by_hand(runs):
    trial = trial_of(runs["demo"][1], padding="packed")
    known = {"examples_per_pass": 120, "inputs_per_example": 1.0, "tokens_per_example": 20.0}
    assert tokens_per_batch(known, trial) == 300  # 8 batches of 16 and fewer inputs, 2,400 tokens
    assert tokens_per_batch(known, replace(trial, padding="longest")) is None


def test_emissions_are_stated_of_a_measured_fine_tuning_at_a_given_intensity(exported):
    bundle = replace(
        read_bundle(exported),
        finetuning={"train_energy_j": 7.2e6, "train_energy_source": "nvml_counter", "train_s": 60.0, "epoch": 2},
    )
    assert "emissions: 100.0\n" in model_card(bundle, None, 50.0)  # 2 kWh
    assert "co2_eq" not in model_card(bundle, None)
    estimated = replace(bundle, finetuning=dict(bundle.finetuning or {}) | {"train_energy_source": "estimate"})
    assert "co2_eq" not in model_card(estimated, None, 50.0)
    assert "Fine-tuning took 7200 kJ, estimated, in 60 s." in model_card(estimated, None)


def test_the_cards_metadata_are_what_was_measured(exported):
    from huggingface_hub import ModelCard

    data = ModelCard.load(exported / "README.md").data.to_dict()
    (result,) = data["model-index"][0]["results"]
    metrics = {m["type"]: m for m in result["metrics"]}
    measured = read_bundle(exported).measured
    assert metrics["accuracy"]["value"] == measured["accuracy"]
    assert metrics["energy_j_per_example"]["value"] == measured["energy_j_per_example"]
    assert "tokenised beforehand" in metrics["energy_j_per_example"]["name"]
    assert data["pipeline_tag"] == "text-classification"


def test_a_checkout_that_is_not_installed_exports_too(runs, tmp_path, monkeypatch):
    def version(name):
        if name == "jouletune":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(make_export, "version", version)
    run, case = runs["demo"]
    bundle = make_export.export(find(run, trial_of(case, padding="packed").trial_id), tmp_path / "out")
    brought = [one.engine.packages.values() for one in BACKENDS.values() if one.engine]
    engines = {name for packages in brought for names in packages for name in names}
    assert set(bundle.versions) - engines == {"torch", "transformers", "tokenizers", "safetensors"}
