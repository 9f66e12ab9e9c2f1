"""The waterfall of a saving."""

import pandas as pd
import pytest

from analysis.figures import style
from analysis.figures.saving import draw


def test_the_waterfall_writes_each_factor_and_both_ends() -> None:
    steps = pd.DataFrame(
        {
            "label": ["fp32 → fp16", "128 → 48 tokens", "eager → compile"],
            "before": [400.0, 60.0, 20.0],
            "after": [60.0, 20.0, 22.0],
            "note": ["6.67×", "3.00×", "0.909×"],
        }
    )
    drawn = draw(steps, x_label="Energy (mJ/example)", title="18.2× less energy")
    axes = drawn.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["baseline", *steps["label"], "recommended"]
    assert {t.get_text() for t in axes.texts} == {"6.67×", "3.00×", "0.909×", "400", "22"}
    assert axes.get_xscale() == "log"
    with pytest.raises(ValueError, match="no step"):
        draw(steps.head(0), x_label="x", title="t")


@pytest.mark.parametrize("family", ["DejaVu Sans", "DejaVu Sans Mono"])
def test_no_text_leaves_the_picture_whatever_the_font(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(style.RC, "font.sans-serif", [family])
    steps = pd.DataFrame(
        {"label": ["eager → compile_cuda_graph"], "before": [400.0], "after": [60.0], "note": ["6.67×"]}
    )
    title = "42.7× less energy: precision 4.25×, padding 1.69×, backend 4.62×, batch size 1.28×"
    drawn = draw(steps, x_label="Energy", title=title, subtitle=f"From {title}")
    texts = [*drawn.texts, *drawn.axes[0].get_yticklabels(), drawn.axes[0].xaxis.label]
    assert len(drawn.texts) == 2
    boxes = [text.get_window_extent() for text in texts]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= drawn.bbox.width
    heading, below, *_ = boxes
    assert drawn.bbox.height >= heading.y1 > heading.y0 > below.y1 > below.y0
    assert below.y0 > drawn.axes[0].get_window_extent().y1
