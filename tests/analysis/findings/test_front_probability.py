"""How sure a front is: ties, near ties and noise of known size."""

import numpy as np
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.front_probability import BETWEEN_TRIALS, EXACT, WITHIN_TRIALS, front_probability, spreads
from tests.make.rows import EXAMPLES, frame, row

PAIR = ["accuracy", "energy_j_per_example"]


def test_equal_predictions_stay_equal_in_every_resample():
    """Same predictions, energies 10x apart and noise of 1 %: the dearer one is never on the front."""
    rows = [
        row(length, replicate=r, energy=e * (1 + s))
        for length, e in ((16, 0.1), (128, 1.0))
        for r, s in enumerate((-0.01, 0.01))
    ]
    found = front_probability(frame(rows), PAIR, rng=np.random.default_rng(0), resamples=500)
    assert list(found["front_probability"]) == [1.0, 0.0]
    assert not found["indistinguishable"].any()


def test_a_near_tie_in_accuracy_is_marked():
    """The dearer one loses by one example of 872: it is non-dominated in a good part of the resamples."""
    better, worse = np.arange(EXAMPLES) < 800, np.arange(EXAMPLES) < 799
    worse = worse.copy()
    worse[[860, 861, 862]] = True  # wins three others ...
    better = better.copy()
    better[[865, 866, 867]] = True  # ... and loses four
    rows = [row(16, bits=better, energy=0.1), row(128, bits=worse, energy=0.2)]
    found = front_probability(frame(rows), PAIR, rng=np.random.default_rng(0), resamples=2000)
    assert list(found["front"]) == [True, False]
    assert 0.2 < found["front_probability"][1] < 0.5
    assert list(found["indistinguishable"]) == [False, True]
    assert spreads(found, PAIR) == {"energy": WITHIN_TRIALS}


def test_energy_noise_decides_between_equal_accuracies():
    """Equal accuracy, equal true energy: each is the cheaper one half of the time."""
    rows = [row(length, replicate=r, energy=e) for length in (16, 32) for r, e in enumerate((0.098, 0.102))]
    found = front_probability(frame(rows), PAIR, rng=np.random.default_rng(0), resamples=4000)
    assert found["front_probability"].sum() == pytest.approx(1.0, abs=1e-9)
    assert found["front_probability"][0] == pytest.approx(0.5, abs=0.03)


def test_the_same_seed_gives_the_same_answer_and_missing_bits_are_refused():
    rows = frame([row(16, energy=0.1, right=700), row(32, energy=0.2, right=720)])
    first, second = (front_probability(rows, PAIR, rng=np.random.default_rng(3), resamples=300) for _ in range(2))
    assert first["front_probability"].equals(second["front_probability"])
    published = analysis.load("analysis/data/l4_published.csv")
    with pytest.raises(CannotAnswer, match="correct_bits"):
        front_probability(published[published["task"] == "qqp"], PAIR, rng=np.random.default_rng(0))


def test_what_is_known_of_the_spread_is_said():
    def known(objectives=PAIR, **values):
        rows = frame([row(16, energy=0.1, replicate=r, **values) for r in range(values.pop("replicates", 1))])
        return spreads(front_probability(rows, objectives, rng=np.random.default_rng(0), resamples=1), objectives)

    assert known() == {"energy": WITHIN_TRIALS}
    assert known(energy_j_per_example_ci95=None) == {"energy": EXACT}
    assert known(replicates=2) == {"energy": BETWEEN_TRIALS}
    both = ["energy_j_per_correct", "net_energy_j_per_example", "latency_ms_per_example"]
    found = known(both, net_energy_j_per_example=0.05)
    assert found == {"energy": WITHIN_TRIALS, "latency": EXACT}
