"""The drift of anchors: cards by short names, nothing from outside."""

import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.anchor_drift import draw
from analysis.figures.style import save
from tests.make import runs as fabricated


def test_drift_shows_each_card_by_a_short_name() -> None:
    drawn = draw(fabricated.anchors(cards=2), title="Drift")
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert sorted(names) == ["GPU-00000001", "GPU-3f2a91c4"]


def test_svg_names_no_outside_resource(tmp_path: Path) -> None:
    _, svg = save(draw(fabricated.anchors(), title="Drift"), tmp_path, "drift")
    links = re.findall(r'(?:href|src)="([^"]+)"', svg.read_text())
    assert all(link.startswith(("#", "data:")) for link in links)


def test_nothing_to_draw_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="no anchor"):
        draw(pd.DataFrame(columns=["started_at", "gpu_uuid", "energy_j_per_example"]), title="t")
