"""Groups of configurations of which nothing can be fitted: one sentence for all."""

from analysis.findings.part import Part
from analysis.report.energy_models import model_parts


def test_two_groups_without_a_model_are_one_sentence() -> None:
    found = model_parts([({"backend": "eager"}, Part(None, "Why.")), ({"backend": "compile"}, Part(None, "Why not."))])
    (part,) = found
    assert part.problem.startswith("Nothing could be fitted to 2 groups of configurations: each holds too few lengths")
    assert part.problem.endswith("(backend eager; backend compile).")


def test_one_says_its_own_reason() -> None:
    (part,) = model_parts([({}, Part(None, "No trial has a valid energy."))])
    assert part.problem == "No trial has a valid energy."
