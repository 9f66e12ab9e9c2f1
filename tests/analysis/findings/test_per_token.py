"""Energy per token: lines of known coefficients agree, dearer ones are found, and what does not meet is refused."""

from typing import Any

import numpy as np
import pytest

from analysis.findings.configurations import configurations
from analysis.findings.per_token import per_token
from analysis.findings.verdict import AGREE, CANNOT_TELL, DISAGREE
from tests.make.rows import frame, row
from tests.make.runs import SQUAD_WINDOWS

A, B, C = 0.004, 3e-4, 4e-7


def measured(factor: float = 1.0, windows: dict[int, float] | None = None, c: float = 0.0, **values: Any) -> Any:
    """A task's configurations: A per input, B per token, c per pair of tokens, 0.2 % of noise."""
    rng = np.random.default_rng(1)
    inputs = windows or dict.fromkeys((16, 32, 48, 64, 96, 128), 1.0)
    rows = [
        row(
            length,
            12,
            precision,
            energy=n * factor * (A + B * length + c * length**2) / cheaper * (1 + 0.002 * rng.standard_normal()),
            tokens_per_example=n * length,
            inputs_per_example=n,
            **values,
        )
        for length, n in inputs.items()
        for precision, cheaper in (("fp32", 1.0), ("fp16", 4.0))
    ]
    return configurations(frame(rows))


def test_tasks_on_one_line_agree_and_its_coefficients_are_found() -> None:
    found, missing = per_token({"sst2": measured(), "squad": measured(windows=SQUAD_WINDOWS)})
    assert missing == []
    fp32, fp16 = found
    assert (fp32.setting["precision"], fp16.setting["precision"]) == ("fp32", "fp16")
    assert (fp32.terms, fp32.at_tokens, fp32.depth) == (["a", "b"], 128, 12)
    for part, cheaper in ((fp32, 1.0), (fp16, 4.0)):
        for line in part.lines:
            assert line.coefficients["b"].value == pytest.approx(B / cheaper, rel=0.01)
            assert line.coefficients["b"].low < B / cheaper < line.coefficients["b"].high
            assert line.whole(128).value == pytest.approx((A + 128 * B) / cheaper, rel=0.01)
            assert line.loo_percent is not None
            assert line.loo_percent < 1
        assert (part.whole.verdict, part.marginal.verdict) == (AGREE, AGREE)


def repeated(replicates: int, noise: float = 0.004, **values: Any) -> Any:
    """One task at fp32, whose energy is no line in the length: 64 tokens cost as much as 128."""
    rng = np.random.default_rng(2)
    joules = {16: 0.1, 32: 0.2, 64: 0.4, 96: 0.4, 128: 0.4}
    rows = [
        row(length, energy=j * (1 + noise * rng.standard_normal()), replicate=r, **values)
        for length, j in joules.items()
        for r in range(replicates)
    ]
    return configurations(frame(rows))


def test_measured_inputs_are_compared_where_any_task_has_replicates() -> None:
    (found,), _ = per_token({"sst2": repeated(3), "qqp": repeated(1)})
    assert found.at_tokens == 64
    assert [v.value for v in found.compared.values()] == pytest.approx([0.4, 0.4], rel=0.01)
    assert found.whole.verdict == AGREE
    (fitted,), _ = per_token({"sst2": repeated(1), "qqp": repeated(1)})  # nothing says how far trials differ
    assert all(v.value < 0.39 for v in fitted.compared.values())
    assert fitted.whole.verdict == CANNOT_TELL


def test_a_measured_input_is_not_compared_with_a_fitted_one() -> None:
    shifted = repeated(1)
    shifted["tokens_per_example"] = shifted["max_seq_len"] = shifted["max_seq_len"] * 1.2
    (found,), _ = per_token({"sst2": repeated(3), "qqp": shifted})  # no length in common
    lines = {line.task: line.whole(found.at_tokens or 0).value for line in found.lines}
    assert {task: v.value for task, v in found.compared.items()} == lines


def test_replicates_that_differ_widen_the_interval_of_every_task() -> None:
    (quiet,), _ = per_token({"sst2": repeated(3), "qqp": repeated(1)})
    (noisy,), _ = per_token({"sst2": repeated(3, noise=0.2), "qqp": repeated(1)})
    widths = [p.compared["qqp"].relative_se for p in (quiet, noisy)]
    assert widths[1] > 10 * widths[0]
    assert noisy.whole.verdict == CANNOT_TELL


def test_a_task_whose_tokens_cost_more_is_named() -> None:
    found, _ = per_token({"sst2": measured(), "qqp": measured(), "squad": measured(1.25, SQUAD_WINDOWS)})
    assert {p.whole.verdict for p in found} == {p.marginal.verdict for p in found} == {DISAGREE}
    assert found[0].whole.pair is not None
    assert "squad" in found[0].whole.pair


def test_attention_is_in_the_form_of_every_task_where_all_points_together_want_it() -> None:
    """A short task alone could not tell; without the term the long one's tokens would seem to cost more."""
    found, _ = per_token({"sst2": measured(c=C), "squad": measured(c=C, windows=SQUAD_WINDOWS)})
    fp32 = found[0]
    assert fp32.terms == ["a", "b", "c"]
    (squad,) = [line for line in fp32.lines if line.task == "squad"]
    assert squad.coefficients["c"].value == pytest.approx(C, rel=0.2)
    assert squad.marginal(128).value == pytest.approx(B + 2 * C * 128, rel=0.1)
    assert fp32.whole.verdict == AGREE


def test_lengths_that_do_not_meet_are_not_compared() -> None:
    long = {length: n for length, n in SQUAD_WINDOWS.items() if length > 128}
    found, _ = per_token({"sst2": measured(), "squad": measured(windows=long)})
    assert found[0].at_tokens is None
    assert found[0].whole.verdict == CANNOT_TELL
    assert found[0].compared == {}


def test_what_cannot_be_fitted_is_said() -> None:
    few = measured(windows={16: 1.0, 128: 1.0})
    found, missing = per_token({"sst2": measured(), "qqp": few})
    assert found == []
    assert missing[0].setting["precision"] == "fp32"
    assert missing[0].reason == "qqp has 2 lengths, and at least 3 are needed."
    shallow = measured().assign(depth=6)
    _, missing = per_token({"sst2": measured(), "qqp": shallow})
    assert missing[0].reason.startswith("the tasks' full depths differ (sst2 12, qqp 6 layers)")
    assert per_token({"sst2": measured(), "qqp": measured(batch_size=128)}) == ([], [])
