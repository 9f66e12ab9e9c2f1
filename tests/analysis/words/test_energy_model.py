"""An energy model told: the lines, the factor between precisions, and what is odd."""

from analysis.findings.energy_model.model import fit_energy
from analysis.findings.energy_model.prediction import predict
from analysis.words.energy_model import (
    MOST_RISES,
    attention_reason,
    factor_sentence,
    factor_sentences,
    fit_sentence,
    law,
    meaning,
    not_made_sentence,
    sentences,
    spelled,
    warnings,
)
from analysis.words.prediction import as_dict, sentence
from tests.make.rows import frame, linear_rows, row, windowed_rows

A, B, C = 0.005, 2e-5, 1e-7


def test_a_line_is_told_with_its_slope_and_its_error() -> None:
    model = fit_energy(frame(linear_rows(A, B)))
    assert law(model.length_fits[0]) == "E = a + b * tokens, at depth 12"
    assert fit_sentence(model.depth_fits[0]).startswith("At fp32, E = a + b * depth * tokens: b = 2e-05 J per token-")
    assert attention_reason(model.depth_fits[0]) == "leave-one-out error does not fall clearly"
    assert spelled("b * depth * tokens^2") == "b·depth·tokens²"
    assert len(sentences(model)) == 3  # two lines, and that one precision has no factor
    assert warnings(model) == []


def test_what_a_coefficient_is_paid_for() -> None:
    (fit,) = fit_energy(frame(windowed_rows(A, B, C))).depth_fits
    assert [meaning(c, fit) for c in fit.coefficients] == [
        "per model input, whatever its length and depth",
        "per processed token and layer",
        "attention: per pair of tokens and layer",
    ]


def test_a_negative_attention_term_is_not_called_attention() -> None:
    flattening = fit_energy(frame(linear_rows(A, B, -C / 4, noise=0.002, replicates=2)))
    assert any("it is not attention but energy that flattens" in s for s in sentences(flattening))
    assert not any("flattens" in s for s in sentences(fit_energy(frame(linear_rows(A, B, C)))))


def test_a_slope_that_is_not_above_zero_and_energy_that_rises_are_pointed_out() -> None:
    rows = [row(length, energy=0.1 - length / 5000) for length in (8, 16, 24, 32, 64, 128)]
    said = warnings(fit_energy(frame(rows)))
    assert "the fitted energy per token is not above zero" in said[0]
    assert said[1] == "Energy rises as work falls: 64 tokens cost 17 % more than 128 (fp32, 12 layers)."
    assert said[-1] == "Energy rises as work falls at 2 more neighbouring configurations."
    assert len(said) == 1 + MOST_RISES + 1


def test_more_inputs_for_less_work_are_named() -> None:
    said = warnings(fit_energy(frame(windowed_rows(A, B, C))))
    assert any("(fp32, 6 layers; 2.4 model inputs per example against 1.76)" in s for s in said)


def test_where_a_factor_breaks_is_named() -> None:
    rows = linear_rows(A, B, depths=(12,), noise=0.002, replicates=3)
    for r in linear_rows(A, B, depths=(12,), noise=0.002, replicates=3, factors={"fp16": 4.0}):
        if r["max_seq_len"] == 16:
            r["energy_j_per_example"] *= 1.6
        rows.append(r)
    (factor,) = fit_energy(frame(rows)).precision_factors
    said = factor_sentence(factor)
    assert said.startswith("One factor between fp32 and fp16 (energy multiplicative in precision): does not hold")
    assert "breaks at 16 tokens" in said


def test_random_weights_have_no_regime_and_say_so() -> None:
    rows = linear_rows(A, B, factors={"fp32": 1.0, "fp16": 4.0})
    for r in rows:
        r["accuracy"] = r["correct_bits"] = None
    (factor,) = fit_energy(frame(rows)).precision_factors
    assert factor_sentence(factor).endswith("everything measured (accuracy is unknown).")


def test_a_prediction_says_where_it_comes_from() -> None:
    model = fit_energy(frame(linear_rows(A, B)))
    inside, beyond = predict(model, 48, 8, "fp32"), predict(model, 256, 24, "fp32", extrapolate=True)
    assert sentence(inside).startswith("fp32, 48 tokens (48 processed), depth 8: energy 0.0127 J/example (95 % ")
    assert sentence(inside).endswith("from E = a + b * depth * tokens. Measured: 0.0127 J/example.")
    ranges = ["the measured lengths 16 to 128 tokens", "the measured depths 2 to 12"]
    assert sentence(beyond).endswith(f"Extrapolated beyond {', '.join(ranges)}.")
    assert as_dict(beyond)["extrapolated"] == ranges
    assert as_dict(inside)["extrapolated"] == []


def test_a_depth_sweep_in_which_nothing_moves_was_probably_not_cut() -> None:
    """The energies of 2, 6 and 12 layers differ by 1 %; with half the memory at 2 layers something was cut."""
    rows = [row(length, depth=d, energy=length / 1000 * (1 + d / 1200)) for length in (32, 64, 128) for d in (2, 6, 12)]
    model = fit_energy(frame(rows))
    assert (model.uncut.shallowest, model.uncut.deepest) == (2, 12)
    said = "Energy, latency, power and memory are the same from 2 layers to 12: the model that was timed was probably"
    assert warnings(model)[0].startswith(said)
    answer = predict(model, 48, 6, "fp32")
    assert said in sentence(answer)
    assert as_dict(answer)["warnings"][0].startswith(said)
    smaller = [r | ({"peak_gpu_memory_mib": 250.0} if r["depth"] == 2 else {}) for r in rows]
    assert fit_energy(frame(smaller)).uncut is None
    assert fit_energy(frame(linear_rows(A, B))).uncut is None  # energy moves
    silent = [r | {"latency_ms_per_example": None} for r in rows]
    assert fit_energy(frame(silent)).uncut is None  # too little is known
    near = [r for r in rows if r["depth"] > 2]
    assert fit_energy(frame([r | {"depth": 10} if r["depth"] == 6 else r for r in near])).uncut is None


def test_factors_that_cannot_be_told_and_lines_that_cannot_be_fitted_are_a_sentence_each() -> None:
    rows = [row(128, precision=p, energy=e) for p, e in (("fp32", 0.4), ("tf32", 0.2), ("fp16", 0.1))]
    rows += [row(48, precision=p, energy=e) for p, e in (("fp32", 0.2), ("fp16", 0.05))]
    model = fit_energy(frame(rows))
    told = factor_sentences(model)
    assert told[-1] == (
        "Whether one factor lies between fp32 and tf32, or tf32 and fp16 cannot be told: it takes two pairs of "
        "configurations where accuracy is not worse by more than 1 point."
    )
    assert len(told) == 2  # fp32 and fp16 have two pairs
    assert not_made_sentence(model) == (
        "No line could be fitted over length, or over depth and length, at fp32, tf32, fp16: too few lengths or depths "
        "were measured there."
    )
    assert not_made_sentence(fit_energy(frame(linear_rows(A, B)))) == ""
