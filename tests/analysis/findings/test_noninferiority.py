"""Verdicts against the baseline: known flips, seeds, missing bits, many tests."""

import numpy as np
import pytest

import analysis
from analysis.findings.configurations import configurations
from analysis.findings.noninferiority import (
    NO_SCORE,
    OTHER_EXAMPLES,
    PAIRED,
    SELF,
    UNPAIRED,
    judge,
    verdicts,
    verdicts_alone,
)
from analysis.statistics.paired import paired_differences
from tests.make.rows import flipped, frame, losing, row


def test_paired_test_keeps_its_level():
    """At a true loss of exactly the tolerance, "not worse" comes up in at most about 5 % of the data sets."""
    rng = np.random.default_rng(0)
    tolerance, n = 0.02, 600
    counts = rng.multinomial(n, [0.02, 0.04, 0.94], size=20000)  # gained 2 %, lost 4 %
    found = paired_differences(counts[:, 0], counts[:, 1], n, tolerance)
    share = np.mean(np.array(verdicts(found.low, found.high, tolerance)) == "not worse")
    assert 0.035 < share < 0.06
    assert ((found.p_worse < 0.05) == (found.low > -tolerance)).all()


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [
        (0, 0, "not worse"),
        (2, 0, "not worse"),  # -0.23 points, at worst -0.73
        (5, 0, "cannot tell"),  # -0.57 points, at worst -1.2
        (30, 2, "worse"),  # -3.2 points, at best -2.2
        (30, 30, "cannot tell"),  # no change, but 60 flips: at worst -1.5
    ],
)
def test_the_three_verdicts(lost, gained, verdict):
    rows = frame([row(128, energy=0.4), row(48, energy=0.1, bits=flipped(lost, gained))])
    alone = verdicts_alone(rows, configurations(rows), None, 0.01)
    assert list(alone) == list(judge(rows).table["verdict"])
    table = judge(rows).table.set_index("max_seq_len")
    assert table["verdict"][48] == verdict
    assert table["verdict"][128] == "not worse"
    assert table["lost"][48] == lost
    assert table["gained"][48] == gained


def test_seeds_are_paired_with_their_own_baseline():
    rows = [
        row(length, energy=energy, seed=seed, bits=flipped(lost, 0, right))
        for seed, right in ((1, 800), (2, 780))
        for length, energy, lost in ((128, 0.4, 0), (48, 0.1, 2 * (seed - 1)))
    ]
    table = judge(frame(rows)).table.set_index("max_seq_len")
    assert table["lost"][48] == 1.0  # mean of 0 and 2
    assert table["gained"][48] == 0.0
    assert table["difference_seed_sd"][48] == pytest.approx(2**0.5 / 872)  # 0 and -2 examples


def test_how_each_row_was_compared_is_said():
    bits = flipped(2, 0)
    rows = [
        row(128, energy=0.4),
        row(64, bits=bits),
        row(48, correct_bits=None),
        row(32, correct_bits=None, examples=100),
        row(24, correct_bits=None, accuracy=None),
    ]
    judged = judge(frame(rows))
    found = judged.table.set_index("max_seq_len")["compared"]
    assert dict(found) == {128: SELF, 64: PAIRED, 48: UNPAIRED, 32: OTHER_EXAMPLES, 24: NO_SCORE}
    assert judged.paired
    assert judged.baseline["max_seq_len"] == 128


def test_what_was_compared_is_corrected_for_once_per_different_prediction():
    same = [row(64, depth=d, energy=0.1, bits=flipped(3, 0)) for d in range(1, 12)]
    judged = judge(frame([row(128, energy=0.4), *same]))
    assert judged.hypotheses == 1
    others = judged.table[~judged.table["is_baseline"]]
    np.testing.assert_allclose(others["p_corrected"], others["p_value"])
    apart = [row(64, depth=d, energy=0.1, bits=losing(slice(3 * d, 3 * d + 3))) for d in range(1, 12)]
    judged = judge(frame([row(128, energy=0.4), *apart]))
    assert judged.hypotheses == 11
    others = judged.table[~judged.table["is_baseline"]]
    assert (others["p_corrected"] > 3 * others["p_value"]).all()
    assert set(others["verdict"]) == {"not worse"}
    assert set(others["verdict_among_many"]) == {"cannot tell"}


def test_what_is_dearer_is_not_corrected_for():
    rows = [row(128, energy=0.4, bits=flipped(0, 0)), row(64, energy=0.1, bits=flipped(1, 0))]
    rows += [row(64, depth=d, energy=0.5, bits=flipped(d, 0)) for d in range(2, 12)]
    judged = judge(frame(rows))
    assert judged.hypotheses == 1
    assert judged.table["p_corrected"].notna().sum() == 1


def test_unpaired_comparisons_are_all_different():
    rows = [row(128, energy=0.4, correct_bits=None), *(row(64, depth=d, correct_bits=None) for d in range(1, 4))]
    judged = judge(frame(rows))
    assert judged.hypotheses == 3
    others = judged.table[~judged.table["is_baseline"]]
    assert (others["p_corrected"] > others["p_value"]).all()


def test_without_bits_counts_are_compared_unpaired():
    published = analysis.load("analysis/data/l4_published.csv")
    rows = published[(published["task"] == "sst2") & (published["sweep"] == "precision_x_seq_len")]
    judged = judge(rows.assign(flags=""))
    table = judged.table.set_index(["precision", "max_seq_len"])
    assert not judged.paired
    assert table.loc[("fp16", 16), "verdict"] == "worse"
    assert table.loc[("fp16", 48), "verdict"] == "cannot tell"
