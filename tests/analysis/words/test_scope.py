"""What a headline's energy is of is said under it."""

import pytest

from analysis.findings.recommend import recommend
from analysis.words.recommendation import sentences
from analysis.words.scope import UNKNOWN, beside, recipes, sentence
from tests.make.rows import frame, row

WORDS = {
    "nvml_counter": "Energy is that of the GPU alone, for inputs that were tokenised beforehand and lay in its memory: "
    "tokenising, the host, losses of the power supply and cooling are not counted.",
    "nvml_power": "Energy is that of the GPU alone",
    "rapl": "Energy is that of the CPU package alone",
    "estimate": "Energy is estimated and not measured, an assumed power times the time",
    "wattmeter": UNKNOWN,
}


def found(**values):
    return recommend(frame([row(128, energy=0.4, **values), row(16, energy=0.1, **values)]))


@pytest.mark.parametrize("source", WORDS)
def test_the_scope_stands_under_the_headline(source):
    r = found(energy_source=source)
    assert sentence(r).startswith(WORDS[source])
    assert sentences(r)[1] == sentence(r)


def test_the_host_is_told_apart_as_an_estimate():
    host = {"host_cpu_s_per_example": 20e-6, "tokenising_cpu_s_per_example": 100e-6, "idle_share": 0.25}
    assert beside(found(**host, host_energy_j_per_example_estimate=12 * 120e-6)) == [
        "Beside it the measuring process took 20.0 us of CPU time per example, tokenising 100 us. At 12 W a core "
        "that is an estimate of 1.44 mJ, which is in no other number.",
        "Of its energy 25 % is what the idle device draws in that time.",
    ]


def test_nothing_is_told_of_what_was_not_measured():
    assert beside(found()) == []


def test_what_a_backend_computes_otherwise_than_the_model_is_said_once():
    r = recommend(frame([row(128, energy=0.4), row(16, energy=0.1, backend="fused_tanh", padding="packed")]))
    said = "fused_tanh computes GELU by its tanh form, whatever the model's config says."
    assert recipes(r) == [said]
    assert sentences(r).count(said) == 1
    assert recipes(found()) == []
