"""The commands under a recommendation, and what plain Transformers costs beside it."""

from pathlib import Path

import pytest

from analysis.findings.plain_loop import plain_loop
from analysis.findings.recommend import recommend
from analysis.words.deploy import commands, plain_cost
from tests.make.rows import frame, row

CHOICE = {"max_seq_len": 128, "precision": "fp16", "energy": 0.02, "padding": "packed", "backend": "cuda_graph"}


def test_they_name_the_run_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = frame([row(128, energy=0.4), row(**CHOICE)])
    assert commands(recommend(rows)).splitlines() == [
        "python -m serving.export RUN --output-dir deployed",
        "python -m serving.predict deployed < texts.txt > labels.tsv",
    ]
    run = tmp_path / "my runs" / "one"
    run.mkdir(parents=True)
    rows.attrs["folders"] = {"fabricated": str(run)}
    assert "serving.export one --output" in commands(recommend(rows)), "from the folder that holds it"
    monkeypatch.chdir(tmp_path)
    assert "serving.export 'my runs/one' --output-dir deployed\n" in commands(recommend(rows))
    for name in ("<b>", "a`b", "a\nb"):  # what a code block of report.md cannot hold
        (tmp_path / name).mkdir()
        rows.attrs["folders"] = {"fabricated": str(tmp_path / name)}
        assert "serving.export RUN " in commands(recommend(rows))


def test_without_a_choice_the_baselines_trial_is_named() -> None:
    rows = frame([row(128, energy=0.4), row(16, energy=0.1, right=500)])
    assert commands(recommend(rows), "the-trial").splitlines()[0].endswith("--output-dir deployed --trial the-trial")


@pytest.mark.parametrize("paddings", [("longest", "max_length"), ("max_length",)])
def test_a_plain_loop_is_the_eager_padded_row_of_the_same_configuration(paddings: tuple[str, ...]) -> None:
    loops = [row(128, precision="fp16", energy=0.06, padding=padding) for padding in paddings]
    found = recommend(frame([row(128, energy=0.4), row(**CHOICE), *loops, row(64, precision="fp16", energy=0.05)]))
    loop = plain_loop(found)
    assert loop is not None
    assert loop["padding"] == paddings[0]
    assert plain_cost(found).startswith(
        "Plain Transformers in the same precision, length, depth and batch size (eager, "
        f"padding {paddings[0]}) needs 60.0 mJ, 3.00× that of fp16"
    )


def test_there_is_none_where_it_was_not_measured_or_is_the_choice_or_not_plain() -> None:
    base = row(128, energy=0.4)
    assert plain_cost(recommend(frame([base, row(**CHOICE)]))) == ""
    assert plain_cost(recommend(frame([base, row(128, precision="fp16", energy=0.06)]))) == ""
    eight = [row(128, precision="fp8", energy=e, padding=p) for e, p in ((0.06, "longest"), (0.02, "packed"))]
    assert plain_cost(recommend(frame([base, *eight]))) == ""
