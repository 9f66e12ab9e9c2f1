"""A sweep over two models: one comparison against the first's baseline, paired by example, its saving taken apart."""

import json

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import predict
from analysis.errors import CannotAnswer
from analysis.figures import accuracy_cost, saving
from analysis.figures.points import points
from analysis.figures.slices import paper_slices
from analysis.findings.assessment import assessments
from analysis.findings.configurations import comparable_groups, comparison_numbers
from analysis.findings.confirmation import key_of
from analysis.findings.energy_model.model import fit_energy
from analysis.findings.flop_energy import flop_energy
from analysis.findings.recommend import recommend
from analysis.findings.slices import same_as, told_axes
from analysis.report.build import build_report
from analysis.report.method import method
from analysis.report.summary import summary
from analysis.rows.cards import level_cards
from analysis.words.flop_energy import sentences
from analysis.words.quantities import LATENCY, energy_quantity
from search_spaces.trial_config import TrialConfig
from tests.make.rows import row
from tests.make.two_models import BIG, SMALL, records, rows


def assessed(table: pd.DataFrame):
    return assessments(table, rng=np.random.default_rng(0), bootstrap=False)


def test_models_of_one_sweep_are_one_comparison_and_those_of_two_runs_are_not():
    (one,) = assessed(rows())
    assert one.heading == "sst2 · big, small · H100"
    assert len(one.table) == 16
    apart = rows().assign(model_place=pd.array([pd.NA] * 16, dtype="Int64"))
    assert sorted(a.heading.split(" · ")[1] for a in assessed(apart)) == ["big", "small"]


def test_two_sweeps_that_share_a_model_are_one_comparison_and_other_data_are_another():
    first, other = rows(), rows(data_digest="other")
    second = rows(seed=7).assign(run="second")
    assert set(comparison_numbers(pd.concat([first, second], ignore_index=True))) == {0}
    both = comparison_numbers(pd.concat([first, other.assign(run="other")], ignore_index=True))
    assert both.tolist() == [0] * 16 + [1] * 16


def test_a_model_with_two_recipes_is_not_compared_with_others():
    again = rows()
    again = again[again["model"] == BIG].assign(recipe_digest="new recipe", weights_digest="new weights")
    both = pd.concat([rows(), again], ignore_index=True)
    found = {one.heading: set(one.table["model"]) for one in assessed(both)}
    assert sorted(map(sorted, found.values())) == [[BIG], [BIG], [SMALL]]


def test_a_model_that_was_cut_is_told_with_its_layers():
    """Where the whole of it failed, what is left is not called the whole."""
    left = rows().drop(columns="layers")
    (one,) = assessed(left[(left["model"] == BIG) | (left["depth"] == 5)])
    said = sentences(flop_energy(one.table, one.baseline))
    assert said[0].startswith("At fp32 small (5 layers) needs 9.60× less energy than big (12 layers) for 12.0× fewer")


def test_verdicts_pair_the_same_examples_across_models():
    found = recommend(rows())
    small = found.table[(found.table["model"] == SMALL) & (found.table["depth"] == 6)]
    assert set(small["lost"]) == set(small["gained"]) == {1.0}
    assert found.paired
    assert (found.choice["model"], found.choice["precision"], found.choice["max_seq_len"]) == (SMALL, "fp16", 64)
    assert found.saving.value == pytest.approx(8 * 2 * 2)


def test_changing_the_model_alone_keeps_as_much_of_its_depth():
    found = recommend(rows())
    single = found.single_axis.set_index("axis")
    assert single.loc["model", "depth"] == 6
    assert single.loc["model", "energy_ratio"] == pytest.approx(8.0)
    cut = found.table[(found.table["model"] == BIG) & (found.table["depth"] == 10)].iloc[0]
    alike = same_as(found.table, cut, ["precision", "max_seq_len", "depth"])
    assert set(zip(alike["model"], alike["depth"], strict=True)) == {(BIG, 10), (SMALL, 5)}
    assert len(same_as(found.table, cut, ["model", "depth"])) == 4


def test_a_depth_is_a_share_of_the_whole_model_also_where_the_whole_was_not_measured():
    cut = rows()
    cut = cut[(cut["model"] == BIG) | (cut["depth"] == 5)]  # 5 of 6 layers are 10 of 12
    (one,) = assessed(cut)
    assert dict(one.table.groupby("model")["depth_share"].max()) == {BIG: 1.0, SMALL: 5 / 6}
    assert set(same_as(one.table, one.baseline, ["depth"])["model"]) == {BIG}, "no 5 layers of 6 beside 12 of 12"
    assert flop_energy(one.table, one.baseline) == []
    deep = one.table[(one.table["model"] == BIG) & (one.table["depth"] == 10)].iloc[0]
    assert set(same_as(one.table, deep, ["depth"])["depth"]) == {10, 5}
    assert not [line for line in method(one) if "layers the models have" in line]


def test_rows_that_do_not_say_how_many_layers_there_are_share_the_deepest_measured_and_it_is_said():
    old = rows().drop(columns="layers")
    (one,) = assessed(old[(old["model"] == BIG) | (old["depth"] == 5)])
    assert dict(one.table.groupby("model")["depth_share"].max()) == {BIG: 1.0, SMALL: 1.0}
    assert [line for line in method(one) if "as much of the deepest that was measured" in line]
    half = rows()
    half.loc[half["model"] == SMALL, "layers"] = pd.NA  # of one model alone it is no share of a whole either
    (one,) = assessed(half[(half["model"] == BIG) | (half["depth"] == 5)])
    assert one.table["depth_share"].max() == 1.0
    assert dict(one.table.groupby("model")["depth_share"].max()) == {BIG: 1.0, SMALL: 1.0}
    single = rows()
    (alone,) = assessed(single[single["model"] == BIG].drop(columns="layers"))
    assert not [line for line in method(alone) if "layers the models have" in line]


def test_what_the_smaller_model_saves_and_what_the_rest_saves_then():
    found = recommend(rows())
    steps = analysis.decompose(found.table, found.baseline, found.choice)
    assert [(s.axis, s.before, s.after) for s in steps] == [
        ("model", BIG, SMALL),
        ("precision", "fp32", "fp16"),
        ("max_seq_len", 128, 64),
    ]
    assert [s.saving.value for s in steps] == pytest.approx([8.0, 2.0, 2.0])
    # after fp16 the small model saves half as much, and fp16 twice as much before it
    assert [(s.least, s.most) for s in steps] == [
        pytest.approx((4.0, 8.0)),
        pytest.approx((2.0, 4.0)),
        pytest.approx((2.0, 2.0)),
    ]
    cut = found.table[(found.table["model"] == SMALL) & (found.table["depth"] == 5)]
    end = cut[(cut["precision"] == "fp32") & (cut["max_seq_len"] == 128)].iloc[0]
    assert [s.axis for s in analysis.decompose(found.table, found.baseline, end)] == ["model", "depth"]
    without = found.table[(found.table["depth"] != 10) & (found.table["depth"] != 6)]
    with pytest.raises(CannotAnswer, match="such as small, fp32, 128, 64, max_length, eager, 100 % of the layers"):
        analysis.decompose(without, found.baseline, end, ("model", "precision", "max_seq_len", "batch_size", "padding",
                                                          "backend", "depth"))  # fmt: skip


def test_an_energy_model_is_fitted_per_model_and_refused_over_several():
    assert sorted(common["model"] for common, _ in comparable_groups(rows())) == [BIG, SMALL]
    with pytest.raises(CannotAnswer, match="models"):
        fit_energy(rows())
    (one,) = assessed(rows())
    slopes = {m["model"]: part.value.fit_for("fp32").coefficient("b").value for m, part in one.models}
    assert slopes[BIG] == pytest.approx(0.4 / 128 / 12, rel=0.01)
    assert slopes[SMALL] == pytest.approx(0.05 / 128 / 6, rel=0.01)


def test_the_choice_pays_back_the_fine_tuning_of_its_own_model():
    joules = {BIG: 9e4, SMALL: 1e4}
    tuned = pd.DataFrame(
        [
            {"task": "sst2", "model": model, "seed": 42, "train_energy_j": j, "train_energy_source": "nvml_counter"}
            for model, j in joules.items()
        ]
    )
    (one,) = assessments(rows(), rng=np.random.default_rng(0), bootstrap=False, finetune=tuned)
    assert one.finetuning.energy_j == 1e4
    saved = 0.4 - 0.4 / 32
    assert one.payback.inferences == pytest.approx(1e4 / saved)


def test_whether_energy_follows_flop_is_told_by_pairs_of_whole_models():
    (one,) = assessed(rows())
    found = {f.precision: f for f in flop_energy(one.table, one.baseline)}
    assert {name: f.flop_ratio for name, f in found.items()} == pytest.approx({"fp32": 10.0, "fp16": 10.0})
    assert {name: f.energy.value for name, f in found.items()} == pytest.approx({"fp32": 8.0, "fp16": 4.0})
    assert {name: f.per_flop.value for name, f in found.items()} == pytest.approx({"fp32": 1.25, "fp16": 2.5})
    assert found["fp32"].per_flop.low < 1.25 < found["fp32"].per_flop.high
    said = sentences([found["fp16"]])[0]
    assert said.startswith("At fp16 small (6 layers) needs 4.00× less energy than big (12 layers) for 10.0× fewer FLOP")
    assert "a FLOP costs it 2.5" in said
    assert flop_energy(one.table[one.table["model"] == BIG], one.baseline) == []
    assert flop_energy(one.table.assign(gflop_per_example=np.nan), one.baseline) == []


def test_slices_hold_the_baselines_model_and_one_shows_all_by_model():
    (one,) = assessed(rows())
    slices, _ = paper_slices(one.table, one.baseline)
    by_name = {s.name: s for s in slices}
    assert set(by_name["length"].table["model"]) == {BIG}
    assert by_name["length"].title == "Length (at 12 layers, big, fp32)"
    assert (by_name["models"].series, len(by_name["models"].table)) == ("model", 16)


@pytest.mark.parametrize("names", [(BIG, SMALL), ("zebra", "ant"), ("ant", "zebra")])
def test_a_legend_has_the_models_in_the_order_of_the_sweep(names):
    table = rows()
    table["model"] = table["model"].map(dict(zip((BIG, SMALL), names, strict=True)))
    (one,) = assessed(table)
    drawings = [d for d in accuracy_cost.FIGURE.make(one, pd.DataFrame()) if getattr(d, "name", "").endswith("_models")]
    assert len(drawings) == 2
    for drawing in drawings:
        said = [text.get_text() for text in drawing.draw().legends[0].get_texts()]
        assert said[:2] == [name.rpartition("/")[2] for name in names]


def test_every_label_of_several_models_names_the_model():
    (one,) = assessed(rows())
    frame = points(one.table, energy_quantity(one.table), LATENCY, told_axes(one.table), one.baseline)
    assert frame["label"][frame["role"] == "baseline"].tolist() == ["big · fp32 · 128 tok · 12 L"]
    assert {label.split(" · ")[0] for label in frame["label"]} == {"big", "small"}
    (drawing,) = saving.FIGURE.make(one, pd.DataFrame())
    assert "From big · fp32 · 128 tokens · 12 layers" in [text.get_text() for text in drawing.draw().texts]


def test_cards_are_levelled_by_the_anchors_of_the_first_model_for_all():
    table = rows()
    table["gpu_uuid"] = np.where(table["precision"] == "fp32", "GPU-1", "GPU-2")
    table.loc[table["model"] == SMALL, "gpu_uuid"] = "GPU-1"  # one card alone, and yet to be compared
    anchors = pd.DataFrame(
        {"model": BIG, "gpu_name": "H100", "gpu_uuid": ["GPU-1", "GPU-2"], "energy_j_per_example": [0.9, 1.1]}
    )
    levelled, said = level_cards(table, anchors)
    assert list(said) == [("H100", BIG)]
    factors = levelled.groupby("gpu_uuid")["card_factor"].unique()
    assert [found.tolist() for found in factors] == [pytest.approx([0.9]), pytest.approx([1.1])]


def test_a_choice_is_the_same_wherever_its_models_folder_is():
    trial = TrialConfig("sst2", "/here/small", 42, 64, 6, "fp16").to_dict()
    assert key_of(trial) == key_of(trial | {"model": "/there/small"})
    assert key_of(trial) != key_of(trial | {"model": "/here/big"})


@pytest.mark.seconds
def test_the_report_tells_models_where_there_are_several_and_keeps_their_order(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    pd.DataFrame(records()).to_csv(run / "results.csv", index=False)
    report = build_report([run], output=tmp_path / "report", bootstrap=False)
    assert report.problems == []
    page, printed = report.markdown.read_text(), " ".join(summary(report, 140).split())
    assert "small · fp16 · 64 tokens · 6 layers** uses **32.0× less energy** than big · fp32 · 128 tokens" in page
    assert "model 8.00×, precision 2.00×, length 2.00×" in page
    assert "| Model | small | 8.00, one trial |" in page
    assert "small, fp16, 64 tokens, 6 layers uses 32x less energy than big, fp32, 128 tokens, 12 layers" in printed
    assert "- At fp32 small (6 layers) needs 8.00× less energy than big (12 layers) for 10.0× fewer FLOP" in page
    assert "model small, batch size 64" in report.html.read_text()
    assert "- Of small:\n- At fp32, E = a" in page
    assert {"accuracy_energy_models.png", "saving.png"} <= {f.name for f in report.figures}
    again = analysis.load(tmp_path / "report" / "results.csv")
    assert again.loc[again["model"] == SMALL, "model_place"].tolist() == [1] * 8


def test_a_table_of_one_model_has_no_column_for_its_place(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    pd.DataFrame([row(128), row(64, energy=0.05)]).to_csv(run / "results.csv", index=False)
    report = build_report([run], output=tmp_path / "report", bootstrap=False)
    head = (report.folder / "results.csv").read_text().splitlines()[0].split(",")
    assert "model" in head
    assert "model_place" not in head
    assert {"gflop_per_example", "layers"}.isdisjoint(head)


def test_a_prediction_asks_for_the_model_and_then_answers_for_it(tmp_path, capsys):
    pd.DataFrame(records()).to_csv(tmp_path / "results.csv", index=False)
    asked = [str(tmp_path / "results.csv"), "--max-seq-len", "96", "--precision", "fp32"]
    assert predict.main(asked) == 2
    said = capsys.readouterr().err
    assert said.rstrip().endswith("these differ in model; choose with --model {org/big,small}")
    assert predict.main([*asked, "--model", SMALL, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["energy_j_per_example"] == pytest.approx(0.05 * 96 / 128, rel=0.01)
