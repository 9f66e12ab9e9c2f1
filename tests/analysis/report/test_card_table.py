"""Several cards: told apart by their anchors, or a caveat."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build_report
from tests.analysis.report.reports import SMALL
from tests.make import runs as fabricated

pytestmark = pytest.mark.seconds


def two_cards(folder: Path) -> Path:
    """A run whose trials ran on two cards by chance, the second of which needs 2.4 % more."""
    rows = fabricated.table(replicates=2, **SMALL)
    second = rows.index % 3 == 0
    rows.loc[second, "gpu_uuid"] = fabricated.card_uuid(1)
    rows.loc[second, "energy_j_per_example"] *= 84 / 82
    return fabricated.write_csv_run(folder, rows)


@pytest.mark.usefixtures("sketches")
def test_cards_are_told_apart_by_their_anchors_and_it_is_said(tmp_path: Path) -> None:
    folder = two_cards(tmp_path / "run")
    fabricated.anchors(cards=2).to_csv(folder / "anchors.csv", index=False)
    report = build_report([folder], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert "GPU-00000001 1.012, GPU-3f2a91c4 0.988" in html[: html.index("<h2>Frontiers</h2>")]
    bullets = html[html.index("<ul>") : html.index("</ul>")]
    assert bullets.count("<li>") == bullets.count(".</li>")  # sentences, each to its full stop
    assert "Over the cards&#39; mean" in html
    assert len(report.assessments[0].models) == 1
    raw = pd.read_csv(folder / "results.csv")
    assert list(raw["energy_j_per_example"]) == list(report.rows["energy_j_per_example"])  # as measured
    assert "card_factor" not in raw


@pytest.mark.usefixtures("sketches")
def test_cards_without_anchors_are_a_caveat_of_the_answer(tmp_path: Path) -> None:
    report = build_report([two_cards(tmp_path / "run")], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    assert 'class="problem">Trials ran on 2 cards' in html
    assert "may be one between cards" in report.markdown.read_text(encoding="utf-8")
    assert len(report.assessments[0].models) == 2  # one fit per card
    models = json.loads((report.folder / "energy_model.json").read_text())
    assert len({m["common"]["gpu_uuid"] for m in models}) == 2
