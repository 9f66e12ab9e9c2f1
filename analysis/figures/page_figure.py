"""What a figure of a page is: a name, the section it stands in, and what makes its pictures from results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, ParamSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = ParamSpec("P")


@dataclass(frozen=True)
class Drawing:
    """One picture to be. `draw` is called later, and by itself: a picture that cannot be drawn takes no other along."""

    name: str  # of its files
    title: str
    draw: Callable[[], Figure]
    caption: str = ""
    in_markdown: bool = False  # report.md shows the few that carry the answer


@dataclass(frozen=True)
class NotShown:
    """A sentence in place of a picture: what the results lack for it."""

    reason: str


@dataclass(frozen=True)
class PageFigure(Generic[P]):
    """One entry of a registry of figures: the pictures that `make` gives stand in `section` of the page, in the order
    of the registry. `make` receives results, and neither loads nor fits; it gives nothing where there is nothing to
    show.
    """

    name: str
    section: str
    make: Callable[P, Iterable[Drawing | NotShown]]
