"""How the figures look: one style, one palette, one way to save.

Sizes are those of a two-column paper (3.5 in wide, 8 pt type), so a figure is readable where it is printed
and sharp where the report shows it. Colours are Okabe and Ito's, told apart by every kind of colour vision
(Okabe & Ito 2008, https://jfly.uni-koeln.de/color/); series also differ by marker, so grey print works too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.files import replacing
from search_spaces.precisions import PRECISIONS

COLUMN_WIDTH_IN = 3.5
PAGE_WIDTH_IN = 7.1  # both columns, for panels side by side
HEIGHT_IN = 2.6
PNG_DPI = 200
TITLE_PT, SUBTITLE_PT, LINE_SPACING = 8.5, 7.5, 1.2
EDGE_IN = 0.06  # between text and the picture's edge

BLUE, SKY, GREEN, ORANGE = "#0072B2", "#56B4E9", "#009E73", "#E69F00"
VERMILLION, PURPLE, YELLOW = "#D55E00", "#CC79A7", "#F0E442"
INK, MUTED, FAINT, GRID = "#1f2328", "#57606a", "#afb8c1", "#e7eaee"

# (colour, marker) of each precision in every figure, in the order of the registry; one beyond these is an "other".
PRECISION_STYLES = dict(
    zip(
        PRECISIONS,
        ((BLUE, "o"), (SKY, "D"), (GREEN, "^"), (VERMILLION, "s"), (ORANGE, "P"), (PURPLE, "v")),
        strict=False,
    )
)
OTHER_COLORS = (PURPLE, ORANGE, GREEN, SKY, BLUE, VERMILLION)
OTHER_MARKERS = ("v", "P", "X", "<", ">", "d")

RC: Any = {
    "figure.figsize": (COLUMN_WIDTH_IN, HEIGHT_IN),
    "figure.dpi": PNG_DPI,  # hinted text is up to 8 % wider at 200 dpi than at 100: laid out as it is saved
    "text.parse_math": False,  # a "$" in the name of a model is a dollar sign
    "savefig.dpi": PNG_DPI,
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["Liberation Sans", "Arial", "Helvetica", "DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.titlecolor": INK,
    "axes.labelsize": 8,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.0,
    "lines.markersize": 4.5,
    "svg.fonttype": "path",  # looks the same on a machine without these fonts
    "svg.hashsalt": "jouletune",  # the same table gives the same file
}


@contextmanager
def styled() -> Iterator[None]:
    """The style within the block only: importing `analysis` changes nobody's matplotlib."""

    with matplotlib.rc_context(RC):
        yield


def new_figure(
    height_in: float = HEIGHT_IN, rows: int = 1, columns: int = 1, width_in: float = COLUMN_WIDTH_IN, **grid: Any
) -> tuple[Figure, Any]:
    """A figure drawn by Agg, outside pyplot: nothing to close, nothing global. Call inside `styled()`."""

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **grid)


def precision_style(precision: str) -> tuple[str, str]:
    """(colour, marker) of a precision; an unknown name gets the same one of the other colours each time."""
    if precision in PRECISION_STYLES:
        return PRECISION_STYLES[precision]
    index = sum(precision.encode()) % len(OTHER_COLORS)
    return OTHER_COLORS[index], OTHER_MARKERS[index]


def series_styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """`precision_style` of each name, but no two names that are no precisions alike, as far as there are colours."""
    found: dict[str, tuple[str, str]] = {}
    others = list(zip(OTHER_COLORS, OTHER_MARKERS, strict=True))
    for name in names:
        style = precision_style(name)
        if name not in PRECISION_STYLES and style in found.values():
            style = next((other for other in others if other not in found.values()), style)
        found[name] = style
    return found


def ordered_series(series: pd.Series[str], order: Sequence[str] = ()) -> list[str]:
    """The names of `order` that there are, in that order; then the precisions from widest to narrowest; then any other
    name in alphabetical order."""
    place = {name: i for i, name in enumerate(order)}
    return sorted(
        (str(name) for name in series.unique()),
        key=lambda name: (place.get(name, len(place)), PRECISIONS.rank(name), name),
    )


def title(figure: Figure, text: str, subtitle: str = "") -> None:
    """The title, and below it in grey what the picture shows, at the left edge; the plot keeps what is below them.

    Lines are broken by their width in the font at hand, which differs between machines; each one after the first
    makes the picture taller, not the plot smaller.
    """
    room = figure.get_figwidth() - 2 * EDGE_IN
    lines, more = _wrapped(text, TITLE_PT, "bold", room), _wrapped(subtitle, SUBTITLE_PT, "normal", room)
    line, small = (LINE_SPACING * points / 72 for points in (TITLE_PT, SUBTITLE_PT))
    figure.set_figheight(figure.get_figheight() + line * max(len(lines) - 1, 0) + small * max(len(more) - 1, 0))
    height = figure.get_figheight()
    left, top = EDGE_IN / figure.get_figwidth(), height - EDGE_IN
    look: Any = {"ha": "left", "va": "top", "linespacing": LINE_SPACING}
    figure.text(left, top / height, "\n".join(lines), fontsize=TITLE_PT, fontweight="bold", color=INK, **look)
    top -= line * len(lines)
    if more:
        top -= EDGE_IN / 2
        figure.text(left, top / height, "\n".join(more), fontsize=SUBTITLE_PT, color=MUTED, **look)
        top -= small * len(more)
    layout: Any = figure.get_layout_engine()
    layout.set(rect=(0, 0, 1, (top - EDGE_IN / 2) / height))


def _wrapped(text: str, points: float, weight: str, room_in: float) -> list[str]:
    """The words of a text in lines of at most that width; a longer word has a line of its own."""

    font = FontProperties(size=points, weight=weight)

    def width_in(line: str) -> float:
        return float(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]) / 72

    lines: list[str] = []
    for word in text.split():
        if lines and width_in(f"{lines[-1]} {word}") <= room_in:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def settle(figure: Figure) -> None:
    """Lay the figure out once and for all, so that what is placed by pixels afterwards stays where it is."""
    layout: Any = figure.get_layout_engine()
    layout.execute(figure)  # all that `draw_without_rendering` does for the layout, at two thirds of its time
    figure.set_layout_engine("none")


def finish(figure: Figure, legend: tuple[list[Any], list[str]] | None, estimated: bool) -> None:
    """The last strokes of every figure: the legend below where it names more than one thing (handles, names),
    the watermark on estimates, the layout fixed."""
    if legend is not None and len(legend[1]) > 1:
        _legend_below(figure, *legend)
    if estimated:
        watermark(figure)
    settle(figure)


def _legend_below(figure: Figure, handles: list[Any], names: list[str]) -> None:
    """Four entries in a line, or as many as the picture is wide enough for."""
    renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for columns in range(min(len(names), 4), 0, -1):
        made = figure.legend(handles, names, loc="outside lower center", ncols=columns)
        if columns == 1 or made.get_window_extent(renderer).width <= figure.bbox.width:
            return
        made.remove()


def watermark(figure: Figure, text: str = "estimated") -> None:
    """`text` across the whole picture: an estimate must not pass for a measurement when the image travels."""
    figure.text(
        0.54,
        0.52,
        text,
        fontsize=38,
        color=MUTED,
        alpha=0.16,
        rotation=24,
        ha="center",
        va="center",
        weight="bold",
        zorder=5,
    )


def level_line(axes: Axes, y: float, text: str = "") -> None:
    """A quiet dashed line across the axes, with its name right of them."""
    axes.axhline(y, color=MUTED, lw=0.7, ls=(0, (3, 2)), zorder=1.5)
    if text:
        axes.annotate(
            text,
            (1.0, y),
            xycoords=axes.get_yaxis_transform(),
            xytext=(2, 0),
            textcoords="offset points",
            fontsize=6.5,
            color=MUTED,
            ha="left",
            va="center",
        )


def log_if_wide(axes: Axes, values: Any, axis: Literal["x", "y"] = "x") -> bool:
    """Log scale where positive values span more than a decade; whether it was set. Few and plain tick numbers."""

    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if len(finite) == 0 or finite.min() <= 0 or finite.max() / finite.min() <= 10:
        axes.locator_params(axis, nbins=6, steps=[1, 2, 5, 10])  # short labels, with room between them
        return False
    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    plain_log_ticks(axes.xaxis if axis == "x" else axes.yaxis, finite.min(), finite.max())
    return True


def plain_log_ticks(axis: Axis, low: float, high: float) -> None:
    """Ticks at 1, 2, 5, 10, ... (at powers of ten beyond 100-fold), written as plain numbers."""

    steps = (1.0, 2.0, 5.0) if high / low < 100 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axis.set_minor_formatter(NullFormatter())


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name.png` (200 dpi) and `name.svg` into `folder`; their paths. Same input, same bytes.

    The canvases print directly: `Figure.savefig` draws every figure twice, first for the layout, which
    `settle` has already fixed.
    """

    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    pixels: Any = FigureCanvasAgg(figure)  # the printing methods are not typed
    strokes: Any = FigureCanvasSVG(figure)
    with styled():
        with replacing(png) as temporary:
            pixels.print_png(temporary, metadata={"Software": None})
        with replacing(svg) as temporary:
            strokes.print_svg(temporary, metadata={"Date": None})
    figure.set_dpi(PNG_DPI)  # print_svg leaves its own behind
    return png, svg
