"""Several cards of one kind: told apart by the anchor, brought to their mean, never across kinds of cards."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.configurations import comparable_groups, configurations
from analysis.findings.energy_model.model import fit_energy
from tests.make.rows import frame, linear_rows, row


def anchors(**energies: list[float]) -> pd.DataFrame:
    """GPU_1=[...]: the anchor energies (J per example) of card GPU-1, at 500 W."""
    return pd.DataFrame(
        [
            {"gpu_uuid": card.replace("_", "-"), "energy_j_per_example": e, "mean_power_w": 500.0, "started_at": i}
            for card, values in energies.items()
            for i, e in enumerate(values)
        ]
    )


def test_factors_are_each_cards_mean_over_the_mean_of_the_cards():
    found = analysis.card_factors(anchors(GPU_1=[0.9, 0.9], GPU_2=[1.1, 1.2, 1.0])).set_index("gpu_uuid")
    assert list(found["energy_factor"]) == pytest.approx([0.9, 1.1])
    assert list(found["latency_factor"]) == pytest.approx([0.9, 1.1])
    assert list(found["anchors"]) == [2, 3]
    assert found.loc["GPU-2", "drift"] == pytest.approx(0.1 / 1.1)
    assert found.loc["GPU-2", "energy_factor_se"] == pytest.approx(0.1 / 1.1 / 3**0.5)


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame({"x": [1]}), anchors(GPU_1=[float("nan")])])
def test_no_usable_anchor_gives_no_factor(table):
    assert analysis.card_factors(table).empty


def test_a_planted_difference_between_cards_is_taken_out():
    """Half the configurations ran on a card that needs 10 % more: levelled, the fit is exact again."""
    rows = linear_rows()
    for i, r in enumerate(rows):
        if i % 2:
            r.update(gpu_uuid="GPU-2", energy_j_per_example=1.1 * r["energy_j_per_example"])
            r.update(latency_ms_per_example=1.1 * r["latency_ms_per_example"])
    raw = frame(rows)
    with pytest.raises(CannotAnswer, match="several cards"):
        fit_energy(raw)
    levelled, said = analysis.level_cards(raw, anchors(GPU_1=[1.0], GPU_2=[1.1]))
    (sentence,) = said.values()
    assert "2 cards (H100)" in sentence
    assert "GPU-1 0.952, GPU-2 1.048" in sentence
    (fit,) = fit_energy(levelled).depth_fits
    assert fit.r2 == pytest.approx(1.0)
    assert fit.coefficient("b").value == pytest.approx(2e-5 * 1.05, rel=1e-6)  # of the average card
    np.testing.assert_allclose(levelled["latency_ms_per_example"], 0.5 * 1.05)
    assert len(comparable_groups(levelled)) == 1
    assert raw["energy_j_per_example"].iloc[0] == rows[0]["energy_j_per_example"]  # raw rows stay raw
    again, _ = analysis.level_cards(levelled, anchors(GPU_1=[1.0], GPU_2=[1.1]))
    assert again is levelled


def test_a_card_without_anchors_leaves_the_rows_as_they_are_and_it_is_said():
    rows = frame([row(16), row(32, gpu_uuid="GPU-2")])
    levelled, said = analysis.level_cards(rows, anchors(GPU_1=[1.0]))
    assert "GPU-2 measured no anchor" in next(iter(said.values()))
    assert list(levelled["energy_j_per_example"]) == list(rows["energy_j_per_example"])
    assert len(comparable_groups(levelled)) == 2


def test_one_card_needs_no_factor():
    rows = frame([row(16), row(32)])
    levelled, said = analysis.level_cards(rows, anchors(GPU_1=[1.0, 1.3]))
    assert levelled is rows
    assert said == {}


def test_different_kinds_of_cards_are_never_brought_together():
    rows = frame([row(16), row(32, gpu_uuid="GPU-2", gpu_name="L4")])
    levelled, said = analysis.level_cards(rows, anchors(GPU_1=[1.0], GPU_2=[2.0]))
    assert said == {}
    assert list(levelled["energy_j_per_example"]) == list(rows["energy_j_per_example"])
    with pytest.raises(CannotAnswer, match="several cards"):
        analysis.recommend(levelled)


def test_replicates_on_several_cards_share_one_spread():
    rows = [
        row(16 + i, replicate=r, gpu_uuid=f"GPU-{r + 1}", energy=0.1 * (1 + 0.1 * r))
        for i in range(3)
        for r in range(2)
    ]
    levelled, _ = analysis.level_cards(frame(rows), anchors(GPU_1=[1.0], GPU_2=[1.1]))
    table = configurations(levelled)
    np.testing.assert_allclose(table["energy_relative_sd"], 0, atol=1e-12)
    np.testing.assert_allclose(table["energy_j_per_example"], 0.105)


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        # standard errors of 0.01 and 0.02 of a mean of 1: 1.96 * hypot(0.01, 0.02) = 4.4 %
        ({"GPU_1": [0.99, 1.01], "GPU_2": [0.98, 1.02]}, "know how two cards differ to 4.4 % (95 %): a ratio"),
        ({"GPU_1": [1.0], "GPU_2": [1.1, 1.2]}, "One anchor is all that a card has"),
    ],
)
def test_how_well_the_anchors_know_the_cards_is_said(measured, said):
    rows = frame([row(128), row(48, gpu_uuid="GPU-2")])
    (sentence,) = analysis.level_cards(rows, anchors(**measured))[1].values()
    assert said in sentence
