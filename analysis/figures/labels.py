"""Labels beside points that cover neither each other nor the data: greedy, in the order of importance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.figures.style import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where a label may stand, as (horizontal, vertical) direction from its point, best first. A frontier that
# rises to the right leaves room below right and above left.
_DIRECTIONS = (
    (1, -1),
    (-1, 1),
    (1, 0),
    (0, -1),
    (0, 1),
    (-1, 0),
    (1, 1),
    (-1, -1),
    (0.5, -1),
    (-0.5, 1),
    (-0.5, -1),
    (0.5, 1),
)
_DISTANCES_PT = (4.0, 9.0, 15.0, 22.0, 32.0)
_FAR_PT = (44.0, 60.0)  # for bold labels only: what must be found is worth a longer leader
_LEADER_PT = 8.0  # a label farther than this is joined to its point by a line
_FONT_PT = 7.0

Box = tuple[float, float, float, float]  # left, bottom, right, top in pixels


def place_labels(
    axes: Axes,
    anchors: NDArray[np.float64],
    texts: Sequence[str],
    obstacles: NDArray[np.float64],
    soft: NDArray[np.float64] | None = None,
    bold: Sequence[bool] | None = None,
) -> list[int]:
    """Write as many of `texts` as fit, the first ones first; the indices of those written.

    Args:
        axes: with its final limits and layout (call `settle` before).
        anchors: [labels, 2] data coordinates of the labelled points.
        texts: one label per anchor, the most important first; "" is skipped.
        obstacles: [n, 2] data coordinates of markers no label may cover.
        soft: [m, 2] data coordinates of lines better left uncovered.
        bold: which labels are set in bold.
    """
    renderer: Any = axes.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    frame = axes.get_window_extent(renderer)
    anchors_px = axes.transData.transform(anchors)
    surroundings = _Surroundings(
        to_px=axes.figure.dpi / 72.0,
        frame=(frame.x0, frame.y0, frame.x1, frame.y1),
        points=axes.transData.transform(obstacles) if len(obstacles) else np.empty((0, 2)),
        lines=axes.transData.transform(soft) if soft is not None and len(soft) else np.empty((0, 2)),
    )
    written: list[int] = []
    for index, text in enumerate(texts):
        if not text:
            continue
        is_bold = bold is not None and bold[index]
        size = _text_size(axes, renderer, text, is_bold)
        others = np.delete(anchors_px, index, axis=0)
        place = surroundings.best_place(anchors_px[index], size, others, is_bold)
        if place is None:
            continue
        box, distance = place
        if distance > _LEADER_PT:
            _draw_leader(axes, anchors[index], anchors_px[index], box)
        _write(axes, text, box, is_bold)
        surroundings.taken.append(box)
        written.append(index)
    return written


@dataclass
class _Surroundings:
    """What labels must keep clear of, in pixels; `taken` grows with each label."""

    to_px: float  # pixels per point
    frame: Box
    points: NDArray[np.float64]
    lines: NDArray[np.float64]
    taken: list[Box] = field(default_factory=list)

    def best_place(
        self, anchor: NDArray[np.float64], size: tuple[float, float], others: NDArray[np.float64], bold: bool
    ) -> tuple[Box, float] | None:
        """The cheapest free box for a label of that (width, height), with its distance in points; None where there is
        none. `others`: the points of the other labels."""
        best: tuple[float, Box, float] | None = None
        x, y = anchor
        width, height = size
        for rank, (dx, dy) in enumerate(_DIRECTIONS):
            for distance in (*_DISTANCES_PT, *(_FAR_PT if bold else ())):
                box = _box(x, y, dx, dy, distance * self.to_px, width, height)
                if not self._is_free(box):
                    continue
                crossed = _count_inside(box, self.lines, pad=0.5 * self.to_px)
                misread = _gap(box, others) < _gap(box, anchor[None]) + 2 * self.to_px
                if misread and not bold:
                    continue  # nearer to another labelled point: no label is better than a wrong one
                cost = 0.4 * rank + 0.5 * distance + 2.5 * min(crossed, 8) + 12 * misread
                if best is None or cost < best[0]:
                    best = (cost, box, distance)
        return None if best is None else best[1:]

    def _is_free(self, box: Box) -> bool:
        return (
            _inside(box, self.frame)
            and not any(_overlap(box, other, pad=1.0 * self.to_px) for other in self.taken)
            and not _count_inside(box, self.points, pad=2.2 * self.to_px)
        )


def _text_size(axes: Axes, renderer: Any, text: str, bold: bool) -> tuple[float, float]:
    """(width, height) in pixels."""
    probe = axes.text(0, 0, text, fontsize=_FONT_PT, fontweight=_weight(bold), transform=None)
    extent = probe.get_window_extent(renderer)
    probe.remove()
    return extent.width, extent.height


def _write(axes: Axes, text: str, box: Box, bold: bool) -> None:
    center = axes.transData.inverted().transform(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    look: Any = {"fontsize": _FONT_PT, "fontweight": _weight(bold), "color": INK}
    note = axes.text(center[0], center[1], text, ha="center", va="center", zorder=6, **look)
    note.set_in_layout(False)
    note.set_bbox({"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.4})


def _draw_leader(axes: Axes, anchor: NDArray[np.float64], anchor_px: NDArray[np.float64], box: Box) -> None:
    """A faint line from the point to the nearest edge of its label."""
    edge = (np.clip(anchor_px[0], box[0], box[2]), np.clip(anchor_px[1], box[1], box[3]))
    tip = axes.transData.inverted().transform(edge)
    x, y = [anchor[0], tip[0]], [anchor[1], tip[1]]
    axes.plot(x, y, color=FAINT, lw=0.5, zorder=2.5, scalex=False, scaley=False)


def _weight(bold: bool) -> str:
    return "bold" if bold else "normal"


def _box(x: float, y: float, dx: float, dy: int, gap: float, width: float, height: float) -> Box:
    """The label's box `gap` pixels from (x, y) towards (dx, dy)."""
    aside = abs(dx) == 1  # beside the point; a half means above or below it, shifted by half the width
    reach = gap / (1.4 if aside and dy else 1.0)
    cx = x + dx * (reach * aside + width / 2)
    cy = y + dy * (reach + height / 2)
    return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2


def _inside(box: Box, frame: Box) -> bool:
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _overlap(a: Box, b: Box, pad: float) -> bool:
    return a[0] < b[2] + pad and b[0] < a[2] + pad and a[1] < b[3] + pad and b[1] < a[3] + pad


def _gap(box: Box, points: NDArray[np.float64]) -> float:
    """Pixels from the box to the nearest point; infinite where there is none."""
    if len(points) == 0:
        return float("inf")
    dx = np.maximum(np.maximum(box[0] - points[:, 0], points[:, 0] - box[2]), 0)
    dy = np.maximum(np.maximum(box[1] - points[:, 1], points[:, 1] - box[3]), 0)
    return float(np.hypot(dx, dy).min())


def _count_inside(box: Box, points: NDArray[np.float64], pad: float) -> int:
    if len(points) == 0:
        return 0
    x, y = points[:, 0], points[:, 1]
    inside = (x > box[0] - pad) & (x < box[2] + pad) & (y > box[1] - pad) & (y < box[3] + pad)
    return int(inside.sum())
