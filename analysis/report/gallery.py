"""The pictures of a page: every figure of a registry, drawn, saved and put into the section it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec

from analysis.figures.page_figure import Drawing, NotShown, PageFigure
from analysis.figures.style import COLUMN_WIDTH_IN, save
from analysis.findings.part import attempt
from search_spaces.errors import check
from search_spaces.registry import Registry

P = ParamSpec("P")


@dataclass(frozen=True)
class Picture:
    """A saved figure (`png` and `svg` are null where `problem` says why there is none)."""

    name: str
    title: str
    caption: str = ""
    png: Path | None = None
    svg: Path | None = None
    problem: str = ""
    wide: bool = False  # as wide as the page
    in_markdown: bool = False


@dataclass(frozen=True)
class Gallery:
    """Pictures by the section of the page they stand in, and what each section does not show, a sentence each."""

    pictures: dict[str, list[Picture]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def __getitem__(self, section: str) -> list[Picture]:
        return self.pictures[section]

    @property
    def all(self) -> list[Picture]:
        return [picture for pictures in self.pictures.values() for picture in pictures]

    @property
    def files(self) -> list[Path]:
        return [file for picture in self.all for file in (picture.png, picture.svg) if file is not None]

    @property
    def problems(self) -> list[str]:
        return [f"{picture.title}: {picture.problem}" for picture in self.all if picture.problem]


def draw(
    figures: Registry[PageFigure[P]],
    sections: Sequence[str],
    folder: Path,
    prefix: str,
    *results: P.args,
    **named: P.kwargs,
) -> Gallery:
    """Draw every figure of `results` into `folder`, under names that begin with `prefix`. A figure that cannot be drawn
    is a picture that says why.

    Raises UsageError where a figure names a section that the page does not have.
    """
    gallery = Gallery({section: [] for section in sections}, {section: [] for section in sections})
    for figure in figures.values():
        remedy = f"see `FIGURE` of the figure {figure.name}"
        check(figure.section in sections, f"a section must be one of {', '.join(sections)}", figure.section, remedy)
        made = attempt(f"The figure {figure.name}", lambda figure=figure: list(figure.make(*results, **named)))  # type: ignore[misc]
        if made.value is None:
            gallery[figure.section].append(Picture(f"{prefix}{figure.name}", figure.name, problem=made.problem))
        for item in made.value or []:
            if isinstance(item, NotShown):
                gallery.notes[figure.section].append(item.reason)
            else:
                gallery[figure.section].append(_picture(item, folder, prefix))
    return gallery


def _picture(drawing: Drawing, folder: Path, prefix: str) -> Picture:
    name = f"{prefix}{drawing.name}"

    def saved() -> Picture:
        figure = drawing.draw()
        png, svg = save(figure, folder, name)
        wide = figure.get_figwidth() > COLUMN_WIDTH_IN
        return Picture(name, drawing.title, drawing.caption, png, svg, wide=wide, in_markdown=drawing.in_markdown)

    made = attempt(f"The figure {drawing.name}", saved)
    return made.value or Picture(name, drawing.title, drawing.caption, problem=made.problem)
