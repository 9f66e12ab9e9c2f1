"""Reports and comparisons without drawing, for tests of something else: drawing is most of their time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analysis.figures.page_figure import Drawing
from analysis.report.gallery import Picture


@contextmanager
def sketched() -> Iterator[None]:
    """Within the block figures are empty files; what they would show is found as always. For what is made once per
    module; a test takes the fixture `sketches`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.report.gallery._picture", _sketch)
        yield


def _sketch(drawing: Drawing, folder: Path, prefix: str) -> Picture:
    name = f"{prefix}{drawing.name}"
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (png, svg):
        file.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return Picture(name, drawing.title, drawing.caption, png, svg, in_markdown=drawing.in_markdown)
