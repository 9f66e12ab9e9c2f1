"""How the figures look: one style, one palette, one way to save.

Sizes are those of a two-column paper (3.5 in wide, 8 pt type), so a figure is readable where it is printed
and sharp where the report shows it. Colours are Okabe and Ito's, told apart by every kind of colour vision
(Okabe & Ito 2008, https://jfly.uni-koeln.de/color/); series also differ by marker, so grey print works too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLUMN_WIDTH_IN = 3.5
PAGE_WIDTH_IN = 7.1  # both columns, for panels side by side
HEIGHT_IN = 2.6
PNG_DPI = 200

BLUE, SKY, GREEN, ORANGE = "#0072B2", "#56B4E9", "#009E73", "#E69F00"
VERMILLION, PURPLE, YELLOW = "#D55E00", "#CC79A7", "#F0E442"
INK, MUTED, FAINT, GRID = "#1f2328", "#57606a", "#afb8c1", "#e7eaee"

# A precision has the same colour and marker in every figure.
PRECISION_COLORS = {
    "fp32": BLUE,
    "tf32": SKY,
    "bf16": GREEN,
    "fp16": VERMILLION,
    "int8": ORANGE,
    "fp8": PURPLE,
}
PRECISION_MARKERS = {"fp32": "o", "tf32": "D", "bf16": "^", "fp16": "s", "int8": "P", "fp8": "v"}
OTHER_COLORS = (PURPLE, ORANGE, GREEN, SKY, BLUE, VERMILLION)
OTHER_MARKERS = ("v", "P", "X", "<", ">", "d")

RC: Any = {
    "figure.figsize": (COLUMN_WIDTH_IN, HEIGHT_IN),
    "figure.dpi": 100,
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
    import matplotlib

    with matplotlib.rc_context(RC):
        yield


def new_figure(
    height_in: float = HEIGHT_IN,
    rows: int = 1,
    columns: int = 1,
    width_in: float = COLUMN_WIDTH_IN,
    **grid: Any,
) -> tuple["Figure", Any]:
    """A figure drawn by Agg, outside pyplot: nothing to close, nothing global. Call inside `styled()`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **grid)


def precision_style(precision: str) -> tuple[str, str]:
    """(colour, marker) of a precision; an unknown name gets the same one of the other colours each time."""
    if precision in PRECISION_COLORS:
        return PRECISION_COLORS[precision], PRECISION_MARKERS[precision]
    index = sum(precision.encode()) % len(OTHER_COLORS)
    return OTHER_COLORS[index], OTHER_MARKERS[index]


def title(figure: "Figure", text: str, subtitle: str = "", width: int = 60) -> None:
    """The title, and below it in grey what the picture shows; `settle` moves both to the left edge."""
    import textwrap

    wrapped = textwrap.wrap(text, width) or [""]
    extra = 0.13 * max(len(wrapped) - 1, 0)  # a second line makes the picture taller, not the plot smaller
    figure.set_figheight(figure.get_figheight() + extra)
    size = 8.5 if len(wrapped[0]) <= 54 else 8
    figure.suptitle("\n".join(wrapped), x=0.015, ha="left", fontsize=size, fontweight="bold", color=INK)
    if subtitle:
        axes = figure.axes[0]
        lines = "\n".join(textwrap.wrap(subtitle, width + 8))
        axes.set_title(lines, fontsize=7.5, fontweight="normal", color=MUTED, pad=5)


def settle(figure: "Figure") -> None:
    """Lay the figure out once and for all, so that what is placed by pixels afterwards stays where it is."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    axes = figure.axes[0]
    box = axes.get_position()
    axes._left_title.set_x((0.015 - box.x0) / box.width)  # type: ignore[attr-defined]  # no public name


def finish(figure: "Figure", legend: tuple[list[Any], list[str]] | None, estimated: bool) -> None:
    """The last strokes of every figure: the legend below where it names more than one thing (handles, names),
    the watermark on estimates, the layout fixed."""
    if legend is not None and len(legend[1]) > 1:
        figure.legend(*legend, loc="outside lower center", ncols=min(len(legend[1]), 4))
    if estimated:
        watermark(figure)
    settle(figure)


def watermark(figure: "Figure", text: str = "estimated") -> None:
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


def log_if_wide(axes: "Axes", values: Any, axis: str = "x") -> bool:
    """Log scale where positive values span more than a decade; whether it was set. Plain tick numbers."""
    import numpy as np

    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if len(finite) == 0 or finite.min() <= 0 or finite.max() / finite.min() <= 10:
        return False
    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    plain_log_ticks(axes.xaxis if axis == "x" else axes.yaxis, finite.min(), finite.max())
    return True


def plain_log_ticks(axis: "Axis", low: float, high: float) -> None:
    """Ticks at 1, 2, 5, 10, ... (at powers of ten beyond 300-fold), written as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    steps = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axis.set_minor_formatter(NullFormatter())


def save(figure: "Figure", folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name.png` (200 dpi) and `name.svg` into `folder`; their paths. Same input, same bytes.

    The canvases print directly: `Figure.savefig` draws every figure twice, first for the layout, which
    `settle` has already fixed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    before = figure.dpi
    with styled():
        figure.set_dpi(PNG_DPI)
        with replacing(png) as temporary:
            FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})
        with replacing(svg) as temporary:
            FigureCanvasSVG(figure).print_svg(temporary, metadata={"Date": None})
    figure.set_dpi(before)
    return png, svg
