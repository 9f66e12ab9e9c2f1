"""Labels beside points."""

import numpy as np

from analysis.figures.labels import place_labels
from analysis.figures.style import new_figure, styled


def test_labels_cover_neither_each_other_nor_a_point() -> None:
    rng = np.random.default_rng(5)
    anchors = np.column_stack([rng.uniform(0.1, 0.9, 90), rng.uniform(0.1, 0.9, 90)])
    with styled():
        figure, axes = new_figure()
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        figure.draw_without_rendering()
        written = place_labels(axes, anchors, [f"point {i}" for i in range(90)], anchors)
        renderer = figure.canvas.get_renderer()
        boxes = [text.get_window_extent(renderer) for text in axes.texts]
    assert 0 in written
    assert 5 <= len(written) < 90
    pixels = axes.transData.transform(anchors)
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert not any(box.contains(x, y) for x, y in pixels)
        assert axes.get_window_extent(renderer).fully_containsx(box.x0)
