"""Margins by hand, and a predictor whose answers are compared with a trial's that were tampered with."""

import numpy as np
import pytest

from benchmarks.lib.raw_text import staged
from benchmarks.lib.raw_text_agreement import Agreement, compared, margins
from benchmarks.lib.raw_text_command import RawTextArguments
from benchmarks.lib.raw_text_job import opened
from serving.predictor import Predictor

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module", params=["sst2", "squad"])
def job(request):
    asked = RawTextArguments(task=request.param, precision="fp32", padding="longest", batch=16, smoke=True, copies=1)
    with opened(asked) as made:
        yield made


@pytest.fixture(scope="module")
def outputs(job):
    return staged(job, 0.01).outputs


def test_a_tampered_example_is_listed_with_its_margin_and_no_other(job, outputs):
    assert compared(job, outputs).differing == []
    changed, example = outputs.copy(), 5
    if job.task.name == "sst2":
        changed[example] = outputs[example, ::-1]
        margin = largest = abs(float(outputs[example, 0] - outputs[example, 1]))
    else:
        (window, *_) = np.flatnonzero(job.inputs.example == example)
        at = job.inputs.position[window] + 1
        own = job.task.spans(outputs, job.tokenized, job.inputs)
        value = float(outputs[window, at].sum())
        changed[window, at] += 50
        # The trial now prefers a span of one token, which gained 100; the predictor stays with its own.
        margin, largest = (value + 100 - float(own.value[example])) / 2, 50.0
    found = compared(job, changed)
    assert [number for number, _ in found.differing] == [example, example], "once in each order"
    assert found.differing[0][1] == pytest.approx(margin, abs=1e-3)
    assert found.largest_difference == pytest.approx(largest, abs=1e-3)
    assert found.unexplained == 0
    assert f"2 differ, 0 of them at a margin of twice that or more: example (margin) 5 ({margin:.3g})" in str(found)


def test_no_number_is_a_difference_without_bound(job, outputs, monkeypatch):
    whole = margins(job, outputs, outputs)
    assert whole.tolist() == [0.0] * len(job.examples)
    computed = Predictor.computed
    monkeypatch.setattr(
        Predictor, "computed", lambda *given: ((chunk, part * np.nan) for chunk, part in computed(*given))
    )
    found = compared(job, outputs)
    assert found.relative_difference == float("inf")
    assert len(found.differing) == 2 * len(job.examples)


def test_a_long_list_is_cut():
    shown = str(Agreement(100, 0.5, 2.0, [(i, 0.1) for i in range(30)]))
    assert "30 differ" in shown
    assert shown.endswith("19 (0.1) and 10 more")
