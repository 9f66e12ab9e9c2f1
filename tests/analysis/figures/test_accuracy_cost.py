"""Which configuration the figures of accuracy circle: as the text, none that passes alone and not among many."""

import numpy as np

from analysis.figures.accuracy_cost import cheapest_kept
from analysis.findings.noninferiority import judge
from tests.make.rows import flipped, frame, losing, row


def kept(rows):
    judged = judge(frame(rows))
    return cheapest_kept(judged.table, judged.baseline, "energy_j_per_example")


def test_what_passes_alone_and_not_among_many_is_not_circled():
    apart = [row(64, depth=d, energy=0.1, bits=losing(slice(3 * d, 3 * d + 3))) for d in range(1, 12)]
    assert kept([row(128, energy=0.4), apart[0]])["depth"] == 1, "one comparison, and it passes"
    assert kept([row(128, energy=0.4), *apart]) is None


def test_the_cheapest_of_those_that_pass_is():
    rows = [row(128, energy=0.4), row(64, energy=0.2), row(48, energy=0.1), row(16, energy=0.01, bits=flipped(90, 0))]
    found = kept(rows)
    assert found["max_seq_len"] == 48
    assert np.isclose(found["energy_j_per_example"], 0.1)
