import json
import math

import numpy as np
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.energy_model.model import fit_energy
from analysis.predict import predict
from analysis.statistics.least_squares import relative_least_squares, wants_more
from search_spaces.errors import UsageError
from tests.make.rows import frame, linear_rows, row

A, B, C = 0.005, 2e-5, 1e-7


def test_known_coefficients_are_recovered_exactly_without_noise():
    model = fit_energy(frame(linear_rows(A, B)))
    (fit,) = model.depth_fits
    assert fit.formula == "E = a + b * depth * tokens"
    assert fit.coefficient("a").value == pytest.approx(A, rel=1e-9)
    assert fit.coefficient("b").value == pytest.approx(B, rel=1e-9)
    assert fit.coefficient("b").unit == "J per token-layer"
    assert fit.r2 == pytest.approx(1.0)
    assert fit.loo_max_percent == pytest.approx(0.0, abs=1e-6)
    assert fit.attention["kept"] is False
    (length,) = model.length_fits
    assert length.coefficient("b").value == pytest.approx(12 * B, rel=1e-9)
    assert length.coefficient("b").unit == "J per token"
    assert (length.configurations, length.depth_range) == (8, (12, 12))
    assert not model.warnings


def test_intervals_cover_the_truth_with_relative_noise():
    """HC3 intervals over 200 simulated sweeps of 48 configurations with 3 % noise."""
    rng = np.random.default_rng(0)
    hits = 0
    x = np.column_stack([np.ones(48), np.outer([2, 4, 6, 8, 10, 12], [16, 24, 32, 40, 48, 64, 96, 128]).ravel()])
    for _ in range(200):
        y = x @ [A, B] * (1 + 0.03 * rng.standard_normal(48))
        fit = relative_least_squares(x, y)
        hits += fit.low[1] <= B <= fit.high[1]
    assert hits / 200 > 0.9


def test_leave_one_out_is_what_refitting_gives():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(8), np.array([16, 24, 32, 40, 48, 64, 96, 128.0])])
    y = x @ [0.01, 0.001] * (1 + 0.02 * rng.standard_normal(8))
    fit = relative_least_squares(x, y)
    weights = 1 / fit.fitted**2
    for i in range(8):
        keep = np.arange(8) != i
        root = np.sqrt(weights[keep])
        beta = np.linalg.lstsq(x[keep] * root[:, None], y[keep] * root, rcond=None)[0]
        assert fit.loo[i] == pytest.approx(x[i] @ beta, rel=1e-6)


def test_a_planted_attention_term_is_found():
    rows = frame(linear_rows(A, B, C, noise=0.01, replicates=2))
    (fit,) = fit_energy(rows).depth_fits
    assert fit.attention["kept"] is True
    assert fit.formula == "E = a + b * depth * tokens + c * depth * tokens^2"
    c = fit.coefficient("c")
    assert c.low < C < c.high
    assert c.unit == "J per token^2-layer"
    assert fit.attention["loo_rms_percent_with"] < fit.attention["loo_rms_percent_without"]


# Windows per question of a long text at each limit, as an overlap of 128 tokens gives them.
WINDOWS = {128: 2.4, 160: 1.76, 192: 1.42, 256: 1.14, 384: 1.02}


def windowed_rows(a, b, c, depths=(2, 4, 6)):
    """Energy a per window, b per token and layer, c per pair of tokens within a window and layer."""
    return [
        row(
            length,
            depth,
            energy=count * (a + b * depth * length + c * depth * length**2),
            tokens_per_example=count * length,
            inputs_per_example=count,
        )
        for length, count in WINDOWS.items()
        for depth in depths
    ]


def test_windows_of_a_text_cost_their_own_share_and_attend_within_themselves():
    model = fit_energy(frame(windowed_rows(A, B, C)))
    (fit,) = model.depth_fits
    assert fit.formula == "E = a * inputs + b * depth * tokens + c * depth * tokens^2 / inputs"
    assert [c.value for c in fit.coefficients] == pytest.approx([A, B, C], rel=1e-6)
    assert fit.coefficient("a").meaning == "per model input, whatever its length and depth"
    assert fit.tokens_per_input_range == (128, 384)
    answer = predict(model, 192, 4, "fp32")
    assert answer.energy_j_per_example == pytest.approx(answer.measured_j_per_example, rel=1e-6)
    (rising,) = [s for s in model.warnings if "128 tokens" in s and "6 layers" in s]
    assert "2.4 model inputs per example against 1.76" in rising


def test_a_negative_attention_term_is_not_called_attention():
    flattening = frame(linear_rows(A, B, -C / 4, noise=0.002, replicates=2))
    model = fit_energy(flattening)
    (fit,) = model.depth_fits
    assert fit.coefficient("c").high < 0
    assert any("it is not attention but energy that flattens" in s for s in model.sentences)
    assert not any("flattens" in s for s in fit_energy(frame(linear_rows(A, B, C))).sentences)


def test_an_absent_attention_term_is_hardly_ever_found():
    rng = np.random.default_rng(0)
    x = np.outer([2, 4, 6, 8, 10, 12], [16, 24, 32, 40, 48, 64, 96, 128])
    tokens = np.broadcast_to([16, 24, 32, 40, 48, 64, 96, 128], x.shape).ravel()
    simple = np.column_stack([np.ones(48), x.ravel()])
    richer = np.column_stack([simple, x.ravel() * tokens])
    found = 0
    for _ in range(100):
        y = simple @ [A, B] * (1 + 0.02 * rng.standard_normal(48))
        one, two = relative_least_squares(simple, y), relative_least_squares(richer, y)
        found += wants_more(one.loo, two.loo, y)[0]
    assert found <= 8


def test_one_factor_per_precision_holds_where_it_is_planted():
    rows = frame(linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0}, noise=0.005, replicates=3))
    (factor,) = fit_energy(rows).precision_factors
    assert factor.verdict == "holds"
    assert factor.factor == pytest.approx(4.0, rel=0.01)
    assert factor.deviation_percent < factor.deviation_high_percent < 10
    assert factor.interval_kind == "pooled replicates"
    assert len(factor.pairs) == 48


def test_a_factor_that_varies_does_not_hold_and_the_place_is_named():
    rows = linear_rows(A, B, depths=(12,), noise=0.002, replicates=3)
    for r in linear_rows(A, B, depths=(12,), noise=0.002, replicates=3, factors={"fp16": 4.0}):
        if r["max_seq_len"] == 16:
            r["energy_j_per_example"] *= 1.6
        rows.append(r)
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert factor.verdict == "does not hold"
    assert "breaks at 16 tokens" in factor.sentence


def test_the_published_qqp_factor_holds_to_40_tokens_and_breaks_below_32():
    """3.7 to 3.9 from 32 to 128 tokens, 2.9 at 24, 2.5 at 16."""
    published = analysis.load("analysis/data/l4_published.csv")
    qqp = published[(published["task"] == "qqp") & (published["sweep"] == "precision_x_seq_len")]
    model = fit_energy(qqp)
    (factor,) = model.precision_factors
    assert factor.verdict == "holds"
    assert 3.7 < factor.factor < 3.9
    ratios = {p["max_seq_len"]: p["ratio"] for p in factor.pairs}
    assert all(3.65 < ratios[n] < 3.95 for n in (32, 40, 48, 64, 96, 128))
    assert ratios[24] == pytest.approx(2.9, abs=0.05)
    assert ratios[16] == pytest.approx(2.5, abs=0.05)
    assert [p["max_seq_len"] for p in factor.pairs if p["breaks"]] == [24, 16]
    assert any("only depth 12 was measured" in s for s in model.not_made)


def test_the_stable_regime_is_where_accuracy_holds():
    rows = []
    for r in linear_rows(A, B, depths=(12,), factors={"fp32": 1.0, "fp16": 4.0}):
        bad = r["max_seq_len"] < 40
        rows.append(
            row(r["max_seq_len"], 12, r["precision"], energy=r["energy_j_per_example"], right=600 if bad else 800)
        )
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert [p["max_seq_len"] for p in factor.pairs if p["stable"]] == [128, 96, 64, 48, 40]


def test_random_weights_have_no_regime_and_say_so():
    rows = linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0})
    for r in rows:
        r["accuracy"] = r["correct_bits"] = None
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert "accuracy is unknown" in factor.sentence
    assert factor.factor == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "qqp"}, "several tasks"),
        ({"gpu_name": "L4"}, "several cards"),
        ({"gpu_uuid": "GPU-2"}, "several cards"),
        ({"energy_source": "nvml_power"}, "several energy sources"),
        ({"padding": "longest"}, "several paddings"),
        ({"backend": "cuda_graph"}, "several backends"),
        ({"batch_size": 128}, "several batch sizes"),
    ],
)
def test_mixed_rows_are_refused_with_a_sentence(change, message):
    with pytest.raises(CannotAnswer, match=message):
        fit_energy(frame([*linear_rows(), row(128, **change)]))


def test_too_few_rows_are_refused_with_a_sentence():
    with pytest.raises(CannotAnswer, match="2 lengths for 2 coefficients; at least 3 are needed"):
        fit_energy(frame([row(16), row(32, energy=0.2)]))
    with pytest.raises(CannotAnswer, match=r"no trial has a valid energy \(flag short_window\)"):
        fit_energy(frame([row(16, flags="short_window")]))


def test_a_slope_that_is_not_above_zero_is_pointed_out():
    model = fit_energy(frame([row(length, energy=0.1 - length / 5000) for length in (16, 32, 64, 128)]))
    (fit,) = model.length_fits
    assert any("not above zero" in w for w in fit.warnings)
    assert any("Energy rises as work falls: 16 tokens" in w for w in model.warnings)


def test_estimated_rows_are_fitted_but_labelled():
    rows = linear_rows()
    for r in rows:
        r |= {"energy_source": "estimate", "flags": "estimated"}
    assert fit_energy(frame(rows)).estimated is True


def test_json_has_no_nan():
    rows = linear_rows(factors={"fp32": 1.0, "fp16": 4.0})
    text = fit_energy(frame(rows)).to_json()
    assert "NaN" not in text
    assert json.loads(text)["depth_fits"][0]["precision"] == "fp32"


def test_one_point_that_alone_fixes_a_coefficient_gets_no_interval():
    rows = [row(16, 12, energy=0.1), row(16, 6, energy=0.1), row(16, 3, energy=0.1), row(128, 12, energy=0.5)]
    model = fit_energy(frame([*rows, row(16, 9, energy=0.1)]))
    assert all(c.low is None or math.isfinite(c.low) for f in model.depth_fits for c in f.coefficients)
    assert "NaN" not in model.to_json()


# ---- predictions ----


def test_a_configuration_between_the_measured_ones_is_predicted():
    model = fit_energy(frame(linear_rows(A, B, noise=0.01, replicates=3)))
    answer = predict(model, 56, 9, "fp32")
    truth = A + B * 9 * 56
    assert answer.low < truth < answer.high
    assert answer.energy_j_per_example == pytest.approx(truth, rel=0.02)
    assert answer.extrapolated == []
    assert answer.measured_j_per_example is None
    assert predict(model, 48, 8, "fp32").measured_j_per_example is not None


def test_prediction_intervals_cover_new_measurements():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(40):
        model = fit_energy(frame(linear_rows(A, B, depths=(12,), noise=0.03, rng=rng)))
        answer = predict(model, 56, 12, "fp32")
        new = (A + B * 12 * 56) * (1 + 0.03 * rng.standard_normal())
        hits.append(answer.low < new < answer.high)
    assert np.mean(hits) >= 0.9


def test_extrapolation_is_refused_unless_asked_for():
    model = fit_energy(frame(linear_rows(A, B)))
    with pytest.raises(UsageError, match="measured lengths 16 to 128 tokens; add --extrapolate"):
        predict(model, 256, 12, "fp32")
    with pytest.raises(UsageError, match="measured depths 2 to 12"):
        predict(model, 64, 24, "fp32")
    answer = predict(model, 256, 24, "fp32", extrapolate=True)
    assert answer.energy_j_per_example == pytest.approx(A + B * 24 * 256)
    assert len(answer.extrapolated) == 2
    assert "Extrapolated beyond" in answer.sentence()
    with pytest.raises(UsageError, match="precision must be one with a fit"):
        predict(model, 64, 12, "bf16")


def test_processed_tokens_of_other_paddings_are_interpolated():
    rows = linear_rows(A, B, depths=(12,))
    for r in rows:
        r["padding"] = "longest"
        r["tokens_per_example"] = min(r["max_seq_len"], 30.0)
        r["energy_j_per_example"] = A + 12 * B * r["tokens_per_example"]
    answer = predict(fit_energy(frame(rows)), 56, 12, "fp32")
    assert answer.tokens_per_example == pytest.approx(30.0)


def test_the_command_line(tmp_path, capsys):
    from analysis.predict import main

    file = tmp_path / "rows.csv"
    frame(linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0})).drop(columns="run").to_csv(file, index=False)
    assert main([str(file), "--max-seq-len", "56", "--depth", "9", "--precision", "fp16", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["energy_j_per_example"] == pytest.approx((A + B * 9 * 56) / 4)
    assert main([str(file), "--max-seq-len", "300", "--precision", "fp16"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["analysis/data/l4_published.csv", "--max-seq-len", "56", "--precision", "fp16"]) == 2
    assert "--task {qqp,sst2}" in capsys.readouterr().err
    assert main(["absent", "--max-seq-len", "56", "--precision", "fp16"]) == 2
