"""One sweep over two models of different depth, width and tokenizer: trials, weights, rows, resume, report, export."""

import json
from dataclasses import replace

import pytest

from analysis.report.build import build_report
from search_spaces.presets import DEMO
from search_spaces.sweep_config import Axes, Finetuning, MeasuringOptions
from tests.make.demo_models import letters_model
from tests.make.exports import check_answers
from trainables.rows.bits import decode_bits
from tuner import sweep
from tuner.plan import plan
from tuner.run.folder import read_sweep

TWO = replace(
    DEMO,
    axes=Axes(max_seq_len=(16,), depth=(1, 4, "full"), precision=("fp32",), padding=("max_length", "longest")),
    finetuning=Finetuning(epochs=1, train_examples=64, train_max_seq_len=32),
    measuring=MeasuringOptions(
        eval_examples=40, warmup_s=0.02, min_window_s=0.02, min_windows=3, min_total_s=0.1, max_measure_s=0.2
    ),
)


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_over_two_models_is_one_comparison_and_is_resumed(tmp_path, capsys):
    config = replace(TWO, model=("demo-bert", f"letters={letters_model(tmp_path / 'letters')}"))
    trials = plan(config).trials
    assert {(t.model, t.depth) for t in trials} == {
        ("demo-bert", 1), ("demo-bert", 4), ("letters", 1), ("letters", 2)
    }  # fmt: skip
    begun = [next(t for t in trials if t.model == name and t.depth == 1) for name in ("letters", "demo-bert")]
    run = tmp_path / "run"
    assert len(sweep.run(config, run, trials=begun, confirm=False).rows) == 2
    assert "depth 4 is left out for letters, which has 2 layers" in capsys.readouterr().out
    written = {f.parent.name: f.stat().st_mtime for f in run.glob("ray/measure-*/*/row.json")}
    result = sweep.run(read_sweep(run), run, resume=True)
    assert result.complete
    rows = result.rows[result.rows["purpose"] == "sweep"]
    assert set(rows["trial_id"]) == {t.trial_id for t in trials}
    assert set(rows["status"]) == {"ok"}
    after = {f.parent.name: f.stat().st_mtime for f in run.glob("ray/measure-*/*/row.json")}
    assert {name: after[name] for name in written} == written, "no trial twice"
    assert {p.name for p in (run / "checkpoints").iterdir()} == {"demo-demo-bert-s42", "demo-letters-s42"}
    assert len(list(run.glob("ray/finetune-*"))) == 1, "each is fine-tuned once"

    # one process for all, and each model's own weights, on the same examples
    assert rows["worker"].nunique() <= 2
    of = rows.groupby("model")
    assert of["weights_digest"].nunique().tolist() == [1, 1]
    assert rows["weights_digest"].nunique() == rows["recipe_digest"].nunique() == 2
    assert rows["data_digest"].nunique() == 1
    assert dict(of["model_place"].first()) == {"demo-bert": 0, "letters": 1}
    assert dict(of["layers"].first()) == {"demo-bert": 4, "letters": 2}
    assert (rows["gflop_per_example"] > 0).all()
    for _, same in rows.groupby(["model", "depth"]):  # the order of the batches is another, the examples' is not
        first, second = (decode_bits(bits, 40).tolist() for bits in same["correct_bits"])
        assert sum(a != b for a, b in zip(first, second, strict=True)) <= 1

    report = build_report([run], bootstrap=False)
    (assessment,) = report.assessments
    assert assessment.heading.startswith("demo · demo-bert, letters")
    assert assessment.baseline["model"] == "demo-bert"
    assert assessment.baseline["depth"] == 4
    assert assessment.recommendation.value.paired
    page = report.markdown.read_text()
    assert "by model" in page
    assert ">Model<" in report.html.read_text()
    assert "model_place" in (run / "results.csv").read_text().splitlines()[0]
    left_out = json.loads((run / "environment.json").read_text())["left_out"]
    assert left_out == ["depth 4 is left out for letters, which has 2 layers"]
    check_answers(run, begun[0].trial_id, tmp_path / "deployed")
