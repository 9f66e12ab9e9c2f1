"""Groups of configurations of which nothing can be fitted: one sentence for all."""

from analysis.findings.energy_model.model import fit_energy
from analysis.findings.part import Part
from analysis.report.energy_models import MOST_NAMED, model_parts
from tests.make.rows import frame, row


def test_two_groups_without_a_model_are_one_sentence() -> None:
    found = model_parts([({"backend": "eager"}, Part(None, "Why.")), ({"backend": "compile"}, Part(None, "Why not."))])
    (part,) = found
    assert part.problem.startswith("Nothing could be fitted to 2 groups of configurations: each holds too few lengths")
    assert part.problem.endswith("(backend eager; backend compile).")


def test_one_says_its_own_reason() -> None:
    (part,) = model_parts([({}, Part(None, "No trial has a valid energy."))])
    assert part.problem == "No trial has a valid energy."


def test_groups_that_a_model_tells_nothing_of_are_among_them() -> None:
    """One length and depth in two precisions: nothing to fit a line to, and one pair for a factor, which takes two."""
    rows = frame([row(precision="fp32", energy_j_per_example=2.0), row(precision="fp16", energy_j_per_example=1.0)])
    model = fit_energy(rows)
    assert not model.fits
    found = model_parts([({"backend": name}, Part(model, "")) for name in ("eager", "compile", "cuda_graph")])
    (part,) = found
    assert part.problem.startswith("Nothing could be fitted to 3 groups of configurations")


def test_many_such_groups_are_counted_and_not_listed() -> None:
    found = model_parts([({"backend": f"b{i}"}, Part(None, "Why.")) for i in range(MOST_NAMED + 1)])
    assert found[0].problem.endswith("too few lengths, depths and precisions.")
