"""The saving in parts: factors worked out by hand, orders, and what is not measured."""

import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.configurations import configurations
from tests.make.rows import frame, row

# (precision, padding, backend) -> J; padding saves 2x at fp32 and 1.5x at fp16, the graph 2x once padding is gone.
ENERGY = {
    ("fp32", "max_length", "eager"): 1.2,
    ("fp16", "max_length", "eager"): 0.3,
    ("fp32", "longest", "eager"): 0.6,
    ("fp16", "longest", "eager"): 0.2,
    ("fp32", "max_length", "cuda_graph"): 1.2,
    ("fp16", "max_length", "cuda_graph"): 0.25,
    ("fp32", "longest", "cuda_graph"): 0.6,
    ("fp16", "longest", "cuda_graph"): 0.1,
}


def table(without=()):
    rows = [
        row(64, precision=p, padding=pad, backend=b, energy=e)
        for (p, pad, b), e in ENERGY.items()
        if (p, pad, b) not in without
    ]
    found = configurations(frame(rows))
    place = found.set_index(["precision", "padding", "backend"], drop=False)
    return found, place.loc[("fp32", "max_length", "eager")], place.loc[("fp16", "longest", "cuda_graph")]


def test_each_step_switches_one_axis_and_the_product_is_the_saving():
    steps = analysis.decompose(*table())
    assert [(s.axis, s.before, s.after) for s in steps] == [
        ("precision", "fp32", "fp16"),
        ("padding", "max_length", "longest"),
        ("backend", "eager", "cuda_graph"),
    ]
    assert [s.saving.value for s in steps] == pytest.approx([4.0, 1.5, 2.0])
    assert steps[0].energy_before == 1.2
    assert steps[-1].energy_after == 0.1
    # over all six orders: precision 3 (after padding) to 6 (last), padding 1.5 to 2.5, backend 1 to 2
    assert [(s.least, s.most) for s in steps] == [
        pytest.approx((3.0, 6.0)),
        pytest.approx((1.5, 2.5)),
        pytest.approx((1.0, 2.0)),
    ]
    assert steps[0].saving.kind == "within trial"


def test_another_order_is_taken_where_a_configuration_is_missing():
    steps = analysis.decompose(*table(without=[("fp16", "max_length", "eager")]))
    assert [s.axis for s in steps] == ["padding", "precision", "backend"]
    assert [s.saving.value for s in steps] == pytest.approx([2.0, 3.0, 2.0])


def test_what_cannot_be_taken_apart_says_why():
    first_steps = [("fp16", "max_length", "eager"), ("fp32", "longest", "eager"), ("fp32", "max_length", "cuda_graph")]
    with pytest.raises(CannotAnswer, match="not measured, such as fp16, max_length, eager"):
        analysis.decompose(*table(without=first_steps))
    found = configurations(frame([row(128), row(64, energy=0.05)]))
    with pytest.raises(CannotAnswer, match=r"has one part only.*max_seq_len"):
        analysis.decompose(found, found.iloc[0], found.iloc[1])
