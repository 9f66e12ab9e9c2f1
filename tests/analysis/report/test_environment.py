"""environment.json on the page."""

from analysis.report.environment import environment_rows


def test_environment_is_flattened_and_nulls_are_dashes() -> None:
    found = environment_rows({"gpus": [{"name": "H100", "x": None}], "command": ["--preset", "demo"], "e": {}})
    assert found == [("gpus 0 name", "H100"), ("gpus 0 x", "–"), ("command", "--preset demo")]
